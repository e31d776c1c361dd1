/* <pixel-explorer>: the values of an image's pixels and how they are shown: display minimum, maximum and gamma
 * change the picture and no value; a lower bit depth changes the values. Needs base.js before it.
 *
 * The picture is a part of StarDist's example image img2d.tif:
 * Copyright (c) 2018-2025, Uwe Schmidt, Martin Weigert. All rights reserved. BSD 3-Clause License, see
 * LICENSE-stardist.txt in this folder.
 *
 * @name pixels
 * @about Values of pixels, display range and gamma, and what a lower bit depth destroys (chapter 0).
 * @poster fill high 70
 * @poster check mode-bits */
(() => {
  "use strict";
  const { define, number, clamp } = window.CourseExplorable;

  // patch: begin (written by `python -m coursebook.explorable_data`)
  const SIDE = 48;
  const VALUES = "DAsMCxkXDRMTFRMOFR4PGhIWFhkQHB4WHCQgKSUvKS44PkZPRE9KRVdTRkZJS0tQERQWCgwYERoNCgwYCwwOFBQPFRUeGRMdFx0cGCglKCI5OEJLTFNNTlZQQ0lOR0xMEBIOEhETFhYRDxQVFBoREA4bGREcHB0hISIfISotJisyQEFHTUhOT0lRT1FJUkZRChUaGA0ZDBIMERESBRMZHRoYHg8eHSYhIxosIiolJDIwNUBESExLSkpMT0xXUlBBExkLDRwKDRERDhALDhAUFwoSExgiGyYiNSstNDEqMyovNDk6P0dKS0tLWFNRSExCGQ0RDhkKChAZExkQFxERECAWHSEhIzIuODk3Ojs8MystLjU/QDtJQkROVlFKT0lGEQgOERQIEhYTFRkRFhIeGBIbGRsaKi0+PkNNQ05DPjgyLDIyMz89QkdLSVJCREdECRIXFg8TEA0UFxobFRERGxIaFSAbLElDTlJcVVRQUkY7OTMyNDVAOzhFS0NCS0FCExMTFg4VBw0LFhMXDQ0VGh8SIyQuQlNVWGRYbWRfW2JMPz4xMTI5NDI/RUE4QUMzFBEaDQgSDxUbChUXHQwbHhscJTE8Tk9VZ2ZqfGNpXFRRUkQ5MzAtKTAwNzQ5PDhAEBQGGRUXGBodDRIUHBYNJRsqKjQ5T2RbYGtvdm5mcGhkWUlAPjszMi8yMi8uNzwxGRQSEhIUExAUEA8YGhURERMfKjpQV2JsbXZ7e3d3dXdsa2NNRz00LCU1Ly8qLisqEBIUEBUXCRYbDRMTBiISEyElNEJPVWhveYiJe3yAh3mEamZfSUg5OTAuMCYmJiAgFR8aChcTFxENGRQbEA8gFyMeNDlbXGh2jJGShouKjX1/eHJlUk1JOUE3KyctLSorDhEOExkYDRUOFRYQCxgeIR0iOkZeZG+BhZGOh4iak5WSkW9vXFFDRzk0KS4mJCslEBYPGBQSEg4WDhUSDBgVJCAjM0JbZHB2hZeUl5eik5WWi35zZVpJQkQ4NC8nJCAfEgwZFBETFBEQFxcRDxYiFiUrN0JPYWt8fYiRk6Sho5Gkm4NxbmFcSz9BRDMfJyAlFB0TDxATIBUSExETGBIgHxcgLjVGXWVrd4SPl6qqopuln451bmdfXEpHNjIwIh8iGBcWFhoNFx0UFhYOEiQeJBwiJTZHYF5wcX6ClKqmp6miqIp4dW1eYFJLRTQrNBMtEREOGwsTDh4VHRgZGRocGSggLDozS1hfb3mAjpmnsaKfj3p6bW1qXGNQQjwwIysfFhUIERYTGxUZHxcTIB8aGx8kJCwjN0VNZm9/io2XpKKOhImKe3VuYVhVSUY5LConDh0QERwdHBwUFhkfFBQXGScmJSIxNzVKWF9qfJGNiI9/hYCGfoJ+bHBaTzYwMSMkFhUfDxUaFRMQFBAWFRQZFiAWKRohLik7SExhcoeFfYp7fIODhJOJd3JtTTY2LSkiExwYEg4SESAUGh4XGhobFiciHRgeIzExMj9TZHZ/hn+Kg3+JhY6PlYFtV0kyJyogFxcbGRMdGB4SCyEUJhsWHxsaHyEVISg3Nj5JWWl3e4iFjYuHlpCRjIRzX0k9NywnEh0SHRsXGBwUHRoRGxceFhsXGhwmHCInMDRHV2BsdYSOlZOap6Cml4yDY0w9LiwlISIjFCIdIhYcEhcTHRMYGR4aHh0ZISEhNDZAXFtrfZGYqKi2rrCsqJeEcEc8MCcwJywbJCYdIxwXGR0mGx4UGx8YFR0eFyogLCZHTFVsgpKdvLC6xr29s6Sdf1ZILysoLi8jMiklJSQsIhwaER0WFBkcHSAfHCMmKi9ETl1ifoqvw9LFwMS0q56ggl5NOC0oKicuLigoKScmKyIZHRMZGxwZJSUiJikfJS8yQ01aaH+jtsLIxL+xoKKbf2VLNTYkLTYwLjQtLy4rJyclHyQPGhwXFCIeKR8gISspOURTZ4KZrrG1s7qunp+Pg1xEMSUnLTYxNzEvMCotLS4qGx4ZGRwfJBAbHBofIyUnOj9QZ3SPn5ios6WimIF4b19AOy8mKjE0NTExMDQxLCcpGysjFh8WHBUiHSMdJSokQDs+XGl9i5Kdo5mEh4Z2WVk8KyUjNTk+Nzk+LysoLy8uJicmHxodGRceGRYsJiIvLzVBSllxeoWHgoOLhIFoV0IqLRwiOSc3NTw1LjoqMDIwKyYiHRsfIBkeIhcjISctKTEzNktbc3Vvc22BeGpXSzMwMCMeMzUuMzcyNTM1KzAsMSUoJBceJyIeHSYeISQdLDAtNkhTYWxwYV1kZVQ6ODMrNCcaOTlANzMvOy41Ji4yLSslIBknIhgeHSErGiMpJycvMztZZGBjaWBRVkQ8KikkJyASNzw0LS4lMC46MkE1LicmKx4iIhofJCMqIR0nJSsnMzpBWFZUTFhCRjwzJy0eGRwcOjgwNjMvPDIvPTY0NisuKB0hIiUfIxkkHi8gHiwpMDw3SU9KSTY1MjIoJBweIR0ZJy04ODEvOTMrKiovMSgvJSshIB0qISMhGC0pISUjLis1Nj07MjAqKSUgJB4eFCIfPDU4NDw2MzQ3LC4qLS4lGBstKCIpHh4mHycqKx4bJSksJSosKiYlGyYhIyAiGh8gLi4zNzE7My81KjMvLzIkHx0eIx4iIyAfIx0iKCQjMSYoKiElISQeHRcgHRUfFxEdMzMwNDQzNywuMSstJy0dKh0VJxwWJSYtMSwfKSsqJyklMC4lKiYkJh4nIRYbFxcTLyk2Ly0uLSwtJy0cHykbHSEkGx0lIicoLSwmLSA0IyohNSgmJigfHh8dGRgZHRgULzAqKSctMi0yJSgsJCQkGyAYHBofLis0KTY5OS04NiwuMSkkLysmJRohGh4UFQ0XKyssLzAkLyorJy0bHhsfGRYVJC4dLiozNUQ7O0hCPEFCMTYjHykkIBUXIRYcGBoUJigkHi8nGCwtKCEdIR4dFhgiHh8hKDs1PD5AS0paTFROQj0pISsgHCEbHBEUERUZIxobFikpIiQdHhohFR0VHh4YJB0rGzs0Oz9LWGRhXE9LRDc8KCYZHxkaIhccEQ4Q";
  // patch: end

  const MEASURED = Uint8Array.from(atob(VALUES), (character) => character.charCodeAt(0));
  const ACROSS = 7, DOWN = 5; // pixels in the magnified part
  const START = { row: 24, column: 27 };

  class PixelExplorer extends window.CourseExplorable {
    static label = "What you see and what is stored";
    static help = "Point at a pixel, or focus the ring and use the arrow keys (with Shift: ten pixels).";

    build() {
      this.picture = this.stage({
        label: "", view: [0, SIDE, 0, SIDE], draw: (context, stage) => this.drawPicture(context, stage),
        drag: (x, y) => this.choose(y, x),
      });
      // Hovering is enough. The ring lies over the canvas, so listen on what holds both.
      this.picture.element.addEventListener("pointermove", (event) => {
        const [x, y] = this.picture.at(event);
        this.choose(y, x);
        this.changed();
      });
      this.ring = this.handle(this.picture, {
        name: "pixel", label: "Pixel",
        where: () => [this.chosen.column + 0.5, this.chosen.row + 0.5],
        drag: (x, y) => this.choose(y, x),
        keys: (dx, dy) => this.choose(this.chosen.row - dy, this.chosen.column + dx),
        value: () => `row ${this.chosen.row}, column ${this.chosen.column}, value ${this.value}`,
      });
      this.ring.element.style.setProperty("--handle", "transparent");
      this.key = this.text("key", this.stages);
      this.histogram = this.stage({
        label: "", view: [0, 256, 1, 0], aspect: 2.9, draw: (context, stage) => this.drawHistogram(context, stage),
      });
      this.note = this.text("note", this.stages);

      this.closer = this.stage({
        label: "", view: [-1, ACROSS, -1, DOWN], aspect: 1.55, parent: this.panel,
        draw: (context, stage) => this.drawCloser(context, stage),
      });
      this.numbers({
        value: "value stored", grey: "grey on the screen", mean: "mean of all values", levels: "different values",
      });
      this.mode = this.choice({
        name: "mode", label: "What to change",
        options: { display: "Display", bits: "Bit depth" }, change: () => {},
      });
      this.bits = this.slider({
        name: "bits", label: "bits that are kept", min: 1, max: 8, format: (b) => `${b} (${2 ** b} values)`,
        change: () => {},
      });
      this.low = this.slider({
        name: "low", label: "shown as black: up to", min: 0, max: 254,
        change: (value) => { this.high.value = Math.max(this.high.value, value + 1); },
      });
      this.high = this.slider({
        name: "high", label: "shown as white: from", min: 1, max: 255,
        change: (value) => { this.low.value = Math.min(this.low.value, value - 1); },
      });
      this.gamma = this.slider({
        name: "gamma", label: "gamma", min: 0.2, max: 3, step: 0.1, format: (v) => number(v, 1), change: () => {},
      });
      this.button({
        name: "auto", label: "Auto contrast",
        click: () => { this.low.value = Math.min(...this.data); this.high.value = Math.max(...this.data); },
      });
    }

    reset() {
      this.mode.value = "display";
      this.bits.value = 3;
      this.low.value = 0;
      this.high.value = 255;
      this.gamma.value = 1;
      this.chosen = START;
    }

    // ---------------------------------------------------------------- values and greys
    choose(row, column) {
      const inside = (place) => clamp(Math.floor(place), 0, SIDE - 1);
      this.chosen = { row: inside(row), column: inside(column) };
    }

    /* What the file holds: the measured values, or the nearest of the 2 ** bits values that are spread evenly from 0 to
     * 255. (Cutting the lowest bits off instead would darken the whole image: that is a property of cutting, not of
     * bit depth.) */
    get data() {
      if (this.mode.value === "display") return MEASURED;
      const steps = 2 ** this.bits.value - 1;
      return MEASURED.map((value) => Math.round(Math.round(value * steps / 255) * 255 / steps));
    }

    get value() { return this.data[this.chosen.row * SIDE + this.chosen.column]; }

    /* Grey level from 0 to 255 with which a value is shown. */
    grey(value) {
      const share = clamp((value - this.low.value) / (this.high.value - this.low.value), 0, 1);
      return Math.round(255 * share ** this.gamma.value);
    }

    update() {
      const { data, value } = this, destroys = this.mode.value === "bits";
      const grey = this.grey(value), mean = data.reduce((sum, v) => sum + v, 0) / data.length;
      const black = data.filter((v) => v <= this.low.value).length, white = data.filter((v) => v >= this.high.value).length;
      this.bits.element.hidden = !destroys;
      this.show("value", value);
      this.show("grey", grey);
      this.show("mean", mean.toFixed(2));
      this.show("levels", new Set(data).size);
      this.key.textContent = `patch[${this.chosen.row}, ${this.chosen.column}] is ${value}. `
        + `${black} pixels are shown as black, ${white} as white.`;
      this.note.textContent = destroys
        ? `Every value is replaced by the nearest of ${2 ** this.bits.value}. Now the values themselves have changed, and `
          + "no display setting brings the old ones back."
        : "Only the way from value to grey has changed. Whatever you measure, here the mean, stays the same.";
      if (!destroys && this.low.value === 0 && this.high.value === 255 && this.gamma.value === 1) {
        this.note.textContent = "Each value is shown as the grey of the same number. Now lower the white point, or press Auto.";
      }
      this.picture.label = `Patch of ${SIDE} by ${SIDE} pixels with a bright and a dim nucleus, values from `
        + `${this.low.value} to ${this.high.value} shown from black to white.`;
      this.closer.label = `Magnified: the values around row ${this.chosen.row}, column ${this.chosen.column}.`;
      this.histogram.label = `Histogram of the ${new Set(data).size} different values, and the curve that turns values into greys.`;
      this.say(`Row ${this.chosen.row}, column ${this.chosen.column}: value ${value}, shown as grey ${grey}; mean ${mean.toFixed(2)}.`);
    }

    // ---------------------------------------------------------------- pictures
    drawPicture(context, stage) {
      this.small ??= Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
      const small = this.small.getContext("2d"), pixels = small.createImageData(SIDE, SIDE), { data } = this;
      for (let i = 0; i < data.length; i++) {
        pixels.data.fill(this.grey(data[i]), 4 * i, 4 * i + 3);
        pixels.data[4 * i + 3] = 255;
      }
      small.putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.small, 0, 0, stage.width, stage.height);
      // The part that is magnified beside the picture.
      const [row, column] = this.corner();
      context.strokeStyle = this.colour("orange");
      context.lineWidth = 1.5;
      context.strokeRect(stage.x(column), stage.y(row), stage.x(ACROSS), stage.y(DOWN));
    }

    /* First row and column of the magnified part. */
    corner() {
      return [clamp(this.chosen.row - (DOWN >> 1), 0, SIDE - DOWN), clamp(this.chosen.column - (ACROSS >> 1), 0, SIDE - ACROSS)];
    }

    drawCloser(context, stage) {
      const [top, left] = this.corner(), { data } = this;
      const width = stage.x(1) - stage.x(0), height = stage.y(1) - stage.y(0);
      context.textAlign = "center";
      context.textBaseline = "middle";
      const write = (text, x, y) => context.fillText(text, stage.x(x + 0.5), stage.y(y + 0.5));
      context.font = "11.5px system-ui, sans-serif";
      context.fillStyle = this.colour("muted");
      for (let x = 0; x < ACROSS; x++) write(left + x, x, -1);
      for (let y = 0; y < DOWN; y++) write(top + y, -1, y);
      write("row", -1, -0.72);
      write("col", -1, -1.2);
      context.font = "600 13px system-ui, sans-serif";
      for (let y = 0; y < DOWN; y++) {
        for (let x = 0; x < ACROSS; x++) {
          const value = data[(top + y) * SIDE + left + x], grey = this.grey(value);
          context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
          context.fillRect(stage.x(x), stage.y(y), width + 0.5, height + 0.5);
          context.fillStyle = grey > 127 ? "#000000" : "#ffffff";
          write(value, x, y);
        }
      }
      context.strokeStyle = this.colour("orange");
      context.lineWidth = 1.5;
      context.strokeRect(stage.x(0) + 1, stage.y(0) + 1, ACROSS * width - 2, DOWN * height - 2);
      context.lineWidth = 3;
      context.strokeRect(stage.x(this.chosen.column - left) + 1, stage.y(this.chosen.row - top) + 1, width - 2, height - 2);
    }

    drawHistogram(context, stage) {
      const { data } = this, counts = new Array(256).fill(0);
      for (const value of data) counts[value]++;
      const largest = Math.log1p(Math.max(...counts)), foot = stage.height - 16;
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, stage.width, foot);
      context.fillStyle = this.colour("muted");
      for (let value = 0; value < 256; value++) {
        const height = 0.92 * foot * Math.log1p(counts[value]) / largest;
        context.fillRect(stage.x(value), foot - height, Math.max(stage.width / 256, this.mode.value === "bits" ? 3 : 1), height);
      }
      context.strokeStyle = this.colour("orange"); // the chosen pixel
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(stage.x(this.value + 0.5), 0);
      context.lineTo(stage.x(this.value + 0.5), foot);
      context.stroke();
      context.strokeStyle = this.colour("accent"); // from value to grey
      context.lineWidth = 2.5;
      context.beginPath();
      for (let value = 0; value < 256; value++) {
        context.lineTo(stage.x(value + 0.5), 2 + (foot - 4) * (1 - this.grey(value) / 255));
      }
      context.stroke();
      context.fillStyle = this.colour("muted");
      context.font = "12px system-ui, sans-serif";
      context.textBaseline = "alphabetic";
      context.textAlign = "left";
      context.fillText("0", 0, stage.height - 2);
      context.textAlign = "right";
      context.fillText("255", stage.width, stage.height - 2);
      context.textAlign = "center";
      context.fillText("bars: pixels, line: grey shown", stage.width / 2, stage.height - 2);
    }
  }

  define("pixel-explorer", PixelExplorer);
})();
