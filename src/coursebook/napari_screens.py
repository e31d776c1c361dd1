"""Screenshots of napari for the chapter on one's own images, from the napari that is installed.

    xvfb-run -a -s "-screen 0 1400x900x24" python -m coursebook.napari_screens

Needs a display; without one, Debian's ``xvfb`` and Mesa's software OpenGL (``libgl1-mesa-dri``) give one, and
a few libraries that Qt asks for (``libegl1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-image0
libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0``). Each picture keeps napari's version; a
test compares it with the lock file, so that a picture of an older window does not stay.
"""

import io
import time
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from bioimage_course import data, files

FOLDER = Path(__file__).parents[2] / "book" / "assets" / "annotation"
SIZE = (1180, 700)
DRAWN = 60  # labels that are there already in the second picture


def main() -> None:
    """Draw both pictures."""
    import napari
    from qtpy.QtWidgets import QApplication

    nuclei = data.load("nuclei")
    image, truth = nuclei.image[:384], nuclei.labels[:384]
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(*SIZE)
    layer = viewer.add_image(image, name="mouse3_slice2")
    layer.contrast_limits = (0, 120)
    labels = viewer.add_labels(np.zeros_like(truth), name="mouse3_slice2_labels")
    labels.mode = "paint"

    def picture(name: str) -> None:
        for _ in range(20):  # until the window has drawn itself
            QApplication.processEvents()
            time.sleep(0.05)
        shot = viewer.screenshot(canvas_only=False, flash=False)
        told = PngImagePlugin.PngInfo()
        told.add_text("napari", napari.__version__)
        small = Image.fromarray(shot[..., :3]).quantize(200)
        buffer = io.BytesIO()
        small.save(buffer, "PNG", optimize=True, pnginfo=told)
        files.save(FOLDER / f"{name}.png", buffer.getvalue())
        print(f"{name}.png: {len(buffer.getvalue()) / 1000:.0f} kB, napari {napari.__version__}")

    picture("napari-new-labels")
    numbers = np.unique(truth)[1:]
    labels.data = np.where(np.isin(truth, numbers[:DRAWN]), truth, 0)
    labels.selected_label = int(labels.data.max()) + 1
    labels.contour = 2
    viewer.scene.camera.zoom = 2.4
    viewer.scene.camera.center = (150, 130)
    picture("napari-painting")
    viewer.close()


if __name__ == "__main__":
    main()
