/* <threshold-explorer>: a threshold moves over the histogram; objects, Otsu's between-class variance and the score
 * against the truth follow. Optionally touching objects are cut by Voronoi-Otsu's seeds. Needs base.js before it.
 *
 * The picture is a part of StarDist's example image img2d.tif and its mask:
 * Copyright (c) 2018-2025, Uwe Schmidt, Martin Weigert. All rights reserved. BSD 3-Clause License, see
 * LICENSE-stardist.txt in this folder.
 *
 * @name threshold
 * @about A threshold moves over the histogram: objects, between-class variance and score follow (chapter 9).
 * @poster fill sigma 1; check mode-cut; click otsu */
(() => {
  "use strict";
  const { define, number, clamp } = window.CourseExplorable;

  // patch: begin (written by `python -m coursebook.explorable_data`)
  const SIDE = 96;
  const VALUES = "FQwLExUNDxsPFRUdDw0ZFhAEIRYWERgdBxYXFRgPDxkXFBUSGRoRGQ0UGxceGSAWHxwsJB4iGiAdHRoWEhcZExYWGQ0VExggDRYbEQ4XGhAYEBAZHSAgIS4sOzo/Q0NPEBoZDhQRFA0SDg4UFhgXDxsQEQ8REgkVFBQXCwkTFwwUGxoVGBoQGhYdGRIZHBcWHBsVGRMZFBsVHBEWFxUeDxYWHRQGFRcVEhwPGBAZFhYXHB0VFyIaIC82MzRBQ09HFBUSExIaFxQUEh0QGBMVFxYOERMFGQoNGA8WHQ8PFBATERcQFBgTEBkQHBIQFhsWEx0ZFBIdFxccGRkdHQ8HFh4YDxITHw4NHhIWFhkdFxcSGBoSIygaKDI3RkQ/RUtRDxMSHxgQEBMVDgoPDwsSBBIPGAsSFRYODA0WGhQUDxQVEg8RFQwSEBUQEhINJBYPGRoUGxgYGRsWFRYPGRMSHBEOGBQXERYVFSASER0VGxIeGBsXGRkcKDc0QkBDT01NGAsPExIZExYSDhMRGA4ZFRgQDQ0UEREWFRQQHBUMFwoSCxEVFRYZFBMjEhwWHA8aExMdIxsYGBYYDh8VDw4pERUVGRAWCw8QDw8KHA8SExsUGxoeFSAhJCc5PUA/R0RQDREXHBMMEBgTGgsJEhMPDhUXCgsQGBYQChcNDxgTDBAVFxYbEg4XCh4WIBgYHh0RGRUZEw4bFBEZExIVExQWGxQREBQVExMcEg4ZEhAOGBYaHR4cFiIhKi41Oj08RkJJFRQRHAsSEAwLEB0MFBMQFBIUGBUTExITEhUHFBQXEA8QHRETExIaEBEeExoTFxMTEBMZExsWEhQWFxESFhYUEhUPERYMDhoPDRoWFRsWEBkSDx0cHCAWKSc0ODVEQEVCGRYSExkWEhcODiEMDxwZEggXGg8RCA8YDREXEhYTFRYNGBkQFhIUFhUTFhMWFBUNFRgYFAsUGxsZFh0TEQ8RFREOEB0TEg0WEg4XJBYREB8YDhQgHxkcIiIvKkFEPkxQFBcPFxIQFRUSFxUJEhIQDxUOFxQUEAwUEw4OCxAYGg8bFxcODw8SCQgZFgoXGRYKGA8IExgXDw0FGRQQGhkRFQ8PDRcWEBURGBQaEQwXFhsYERkMGyUgKCcpLz1DRj9FFRQTHRsRDwwUFg4REw8RExgWCRQUDBgNEBUSDREWFRIREw0VDx4NEA8KGBUPGBgiFBcOFBIWFBUOFRERDw4OEBIUDxYXERQNDxgVEQ4aGBcYGBsYERkVJCMgLjA1PDxIFRIUFA8KEwcLFg0bERAYDhgUGg0JFRQZFBERGhUPCRMSGhAGDxYWERAMFxEUEBkaDRERGhcVFiEbDBgMEgsLGBMWFBQUGBcXCw8PEAsNFRwaExcXFhQaHiAeIx8zNj9CDhARFR0OFhUTDg4UFBEUGBMYFgoRGRAWFA0RFhEXHxEQFhUNExUKEBMVExMVFxkXEBETEBYJEBcSFAcODxIaEAgUGA4PFxMLEhQQDxkTEA8bDh8dFxscGCohGiIoJjU5GREXEwYQERsTCBQXDhISExkGFRkVHRMQExMIChMbExoZFAoPFQ4MEQcPFA4RGA8UDBQaDAwSEg8OCxcNGRoSCRUHExcYDQoPEQoMEBoaFBUMGxYPEiAmHx8cHicqJik4DxYWEhEWDhYJDhQbChgTGw0VFAcNEhEUFAcZDg8XEA8MEhkQFRcXDxYZGgwTERoREw4SDhAMGAkXFhkPFhkOEBEMDhEVFxUXExoVDwgdFhQWFBcXEh4XHB0ZHRgbGiIiHBETDCEbDhYdFhMYChAPEA0VDAsKCQ4NDhQYEQ4UDhUNERcZDh4TDRgJChwODxMSFBkUDg8YEBYaFhIWFSQODxUWDRgMDxYUEhUVHRURHxkJExQYEBUZExseFxokGiEnDhEDFgwJFhcVFhAODRMVERkVEQ8WCxQQDQ4MDhIVFxEODA8PFxAPChcZFRUMEg0MCxUXFA0RDRsMFhMQChISERQVFhYMFRgJEBIQGBIUDxoaFhkgFxMdEBoPFR8fGCcZFxIYDhYWEg8RFRUTHQ0ZFBgTFRcUGhENFBkWEg0fDwkOFA8JExINEwkPFhUNHAsPFQ4UExgIChIXChoUExUOFhAJEBAYDRsYDhISER4UFBgOFRkaFhIUGiQUGiETHx4lEB4aCxASDhMRDBcPFBYPEgkOCxQUGg4YEgkPDRIWExMXDwsTFhcPEhAgEBoSFwwUBxARDRQRFhcNEw4bFA0QGBEeDxcQEhIUCBEYEQ0OCxQTFBARExkYHBMZGR0THhsaFBcNER8cGBUJGQ4PEwwUDBUWEyAcFg4QHwoQDBAXEB0YExQREBYWGhsaCA4UFBMOGhkbDBQIDxYWFQgUGRwUFRoPDA4eEBQLDxwUCxcQERQWExkZDBYTFhgUFhgSGhoZDxgWFw0XExEOFhYYFhgPCRMSDBgOExUOChAVFAkVExETDxEVEg0IEQ0UEBkRBhMRFxkaEBEPDxQZERoQFhIWFQ8GEBMaFhIUDQ4ZFBEPGhMUEhIaDhodDhwcFxMOFhUYExsYFQ8PFhsdFRAZDA0PHhUODgwYFxMWHxgPFBEcFA8aFA4ZEg0QDRMbHxAQEw8PEBcOEhEOFQsMCg4KEhATCxkUGRwaFRISFhsSFA4SGREZExIXEAwbCQwUGhsXIhMbFA0TFBgZEAoOFhUICREYERgTExgVDxUVEA4YGRYSGBgWFQ4bGxcZFwgPFhIQDgkOEhEVGBEPDBEJFAodFCEXFQoODhkMCBgOEg4VFA4bEw8QExUSHBISEBYLFBsVECITERkTExYVFxYWEhYcGBgXGRcWExIRGxUQGx4RFAsQFxMQCxUKDxQRFRYSDBUQDxMSFBISEQ8MEggNHA0SFAwREAoSEwsNGBMWCxERFRMbChYXGgsXHBUKHRMYHxkfGQ0cCw4aFxwWGxIREBcSFBIIDhYLFxMTFBMXFhMcFRsWExMVGAoVGRAREwsREQ8TCBUVEhIQDgoPDBEXFA4YHRwZEhgMFxkUCBUXGBIMDRcLGQ8SFA4PIBgVDRoTFRckHxMUHhsbER8PERIQHhkVFxcQFxQcFhgaERgWEBoYHBEJEAweFhUWERUaFxUWEBYRFA8XGhgWCBEMFw8aExQcEw4aFRUTFhUQGhoUDg8TEhMTDBYSFhARDh8LGxkWDRcSGxsQExYUDhgVFRUMIA8UDxsYExoPHBETEBkXGBYYFRsTEwgUEhsOHRYYEBYXDxwTFxUQIBESFhMVHRYTFRIQChITFBkODBUeExEbExASCRccFBsOGh8PGR0ZFBISGRINDBYREBQRERIZGx4UExUeGRcTGxQdDxEZFhUOERIcEhAQDRYUGw8bEREUDxQNEBEPGw8GEhYVExISFhIMEggSEhANERAPEhEUGQ8UDQ0cEhQOHREQHBEbDhkWFxAXGx4WFhEZFxEUGhQXFA8UGxkdHxQfGBAZFxIeGREaFREYDxcVGBoUFh0ZEhMQFQ8OFRUOFxgQExANFxMXFBkFGRkUGhETEgoaHBcKFA4IDhAQCRIYDw8VGRQTDh4RHRQPGBMYDxkREx4TFCENDRYPHhsbFRkZEhkSFQ8ZFh8VDhASFRceEw8iGhMVFhMSFwwYGBISFAwVCBMSGg8QCgwVBQ8TExoHEw8LEA4UCxsZEQwODBQPGRMSDA8dFx0VIhUXFBAeDxIHGQ8LGxMLFhAZHx8bFR8QDigYGhUjGR4cEyIUFhcZHBIZGQ4WEhYZCw8LERQSExANGRMaFhIRFx0QGR8QEBcXFRUYEQsaFBgSEQ4PFA8WFBIQGRsSDx4VDx4RHg4aGBQWHRMNERYNGRciIBUPFR0TEx4YFRgdHQ8QHBIaFBgTFBoXEhAdHBQUFRogCx8XFRoSExMWFBYVChYRGhIVDx0QFRcPDhESFA4XGBEKEhgRGhQTHg0REAsZHxEOGRMZEhEUGBgRFRodFxoWFRYaGB8THRofFSEdHh4VIBweHA0WGhwfHRIRGBYbFBwbHQ4RHBUZFwkMGRwVGRULEhYUHRMPEhMXFBEKEhMRGBsTFxURGCAPGQ8UFA4XGxMNFRIiGhYZGRIbFhUSHQ8VHBwcHxUdHBgUKB4eFxwdHRwcHBseGxwcGxcUHB8RFg8VDx4RDRYXGRARExMVERgeFQwVEwsRFhMWFRgXFxsOFxMXFxoSGhUSFxgTHxAjFxIUFRYPEhQWFRETFxYTHhQfFhkZGh8YIRwTFyAhHxgZGSUWGhwbFh0aGBogFhUZHxcaHxoXEhMQGxASChcbFQ4ZCxIcDgsZEBQRGBIVEhgNDRIdEA8YFBgZESAYFyMVEBcNEhEXExgUGhoTGhwbGxsTHBIkGxwgGiQiJRsZHxshFh4iHiUhHBoiKBcaFBsiHxoTDhMREhEPGxcTFBsbDQ4YEwsREhcVCxQRFRwcGBgbFhgVGRUXGSATGhMLGBYLERkeHhASGhEYIQ0ZGhcPGiAjFBwkHBsfHB0oJSEqIiAbHSUqJyIgHx4mIRwnEhogFxYXGBMdDxQPDxMWGhYXFRIUGREUDRgMDBYSEwwQERkXFBkTHBUTExwIHA8XFBAYDxEdFBYYDxQVFBobGhYJGx0iIBkrKSMhJB0nJSUdKSkcIiQrICUsHSQgHx4fIi0aFR0eDhYPExAXERwYERgWDBYSFRISDBUZGhEbHxoXHBIdFRQXERsdHBIZIBoaDhcaGBUWGhMWFw4eIBweGhUfGigeHCcdJy80IiwzLTIwLyo1LismKSQqJCMgHBsfKCQfHBoZIRALGBASFhMSFhYYExYMFhoYDRYQFhkSCxQZEQ0WHxQSFx8mGh4cHBcbIBIcIxAfHBgVFwwbHRsMGx4YISElKi4uLjg3PS8+RDU3PzE7MzA4LDQ8NywrIzckGhwbJCEaFCIVHRsUGRgJDhMRFBEYDxEZDxcZFRgaFRwUGBseHhsdGiIXIhwfFRQYGBkYFiAXBhsZFBcXGRwbJiYoJiEjKTU3NkNER0hVQEFER0JAREFEOD5AQUI6Ozc1JCYjHiscFx4aFhAeFhgSFhEVDxUUFhAdGQ4TGRkYFBYVFhUZGSEcHiMdHR8hICEiICUgHxgaFBsdGQ8WJR8fJCEbIis0LkpFQ1FLU1VMSUhPQ0w2S01ESERORUpCRkg1NjUkJRwiFhYdExYRHhYKEh0WFBgPERYdGBcXCxoXFQ8bHRslGSUoKSEpKhwmICUgJCAeGhIXIBMWEhMUFB4gGx8aJTQ1NkBKSk9NUlVYWFZVT05MRUpPVkpWVE5JTkM6QzksKCUkIB8gFhgXGxIRFRcbEw8YFhkQGRYUIBogFBwbFyUbMC44NS4vNDAoJiohJRseLCQdJhQTHxkEJRcfHCgsNzM4QUtHUl5dVk1XUlVgUVJZVUdXVlZSS1dTT0JHRz06LR8iIiAbIBIODhMbEh0THhQWGQ8bFREbFxIXFyMgHx8vNjc+RD0/QTw8Ly8yJyYiIh8bJRMcGhQVJSQfGS0oQD9FQElNUFZRW2BUX1ldWVxVUFZeUVtgW1dhWlhOT0U9NyMdICEZEAwYFhgQEBIVFxcRFBISEw0YFRggGhgZIDA3PkZFSUJRTU05QTo0LCUwJyoiHyAiHBUQHSYnJjc9QURIT1FUWFtZVFtaVGFiZVxZXFlVXl5da2RYVVRGRkY2OzUkHRogIyAXFhsWFBYVFRIUERgaEREUFCAaHx8bIjY8PEE9P05HU09OR0JCNDErIiMhHB0fGBYbKikmLzY9QUhOTFRaWGJcWltcYmhuaGVsZmRnYV9mYmJcWVVITkI3MS0fHxwbIRkgDxoYExMWDxYNDw0YERMZGxkgISkWKTc1RElNQUhNU1VSV1FHQ0AxLCQoJCEhHBgaKCUsOUVMS0VTVlZYT1RWW1taZGdsaW5samVgXF9gYWNYWk1VTUE7OiojGBkdGiAdFRENEwwVGxIZEBMZDhUUGxYdHS4pLTRMQUxCS0xVT1JRW1FLUUNLNjQuKSkgHBcZKRwoO0A9SVJWUlddYVlTY1teaXNmc25xbGhbXWVjYGNXVlJMREVBMi8hHRYTHhcgHBUTExMVEhMOHhMPEhwUHh4eFyAsJjtKRVhHQFBVV1djWV1TVkpKOTw1Li4qIhgdJTE9OT5ISE1UTFdeU15gW2hia3R9d3JuZmtvZl9mbGNkVFROPUI6KSQjIB4XHhIWGxYXEhIVFxYVDhsfFh0PICIiICYoNT5STlBJVVRYYGpiZFxZVVBWSEc7MS0tKSAlJS8qN0RKSE9SVlNqY15jcWRra3N9cHZuanBpZGNrcWhXVkpPSEIxJyUdJBwXFBwmGB8LFRMYDAwKGBMaEhwVFyAeJCYrL0VBSURQUVNZYFtsZGFYW2VXVVNIP0IrLS8eKTEsQDNDUlNLZF9mZWVsbGhjcHlve3VpcWxmZ2FoYFNVTFpOQTUzKSAeHCMcHw8WExQhDw8SFhoXFBoVFBEXGRMeGyksNT5GS09JWFdgXmVeZWBUWVtbVVJPSz43KSQmJyQxLjxBP1pRUGBcam5tZ2pkY21pbnBnb19kaltbVVtaUVNENi0tKB4oGx0UGRsaGREeDRMTGRUWHRUaEh0XFRskHR4rLjk4SEtXVldZY2BsamBcWF1dVFZQUT83My0jKzMnLTg9RU9QTWNiZmRbbXFva2hscnNuZWVlXF5YV1VQTkU6NSwpIiEYGxkWHxkXEBgYFxIRFyAREhwVFR8eFw0gIx4rKzo9P0VLU1RZWV9lZF1qX2BtaV9XVENDOTMnHy0vNjtESUhPTlpdYmpnXGdlaGl1ZG5tbWhcXFdUVVBJNjYvIionJRoZIBYbEhwfFBkZEhEUGx4WGxEaFhcWGhglFiktJTA6TkxUVlRUXFtac2Bha3RrcGhXVE9HMjczJystLT4/RE1OU1hWWWJcY2hqcm1pZmNwamVYXlZUSEI1MSsuHCEkIx8nIRUbGxAgGBsTEx0YHBUZDhkVHhwZDxsaHBsrJy0zS0xNTEtgW2Roc29acGt0aGRlWEtLTUA2NC83Nzk8QVBRVFdWVmFZZHFlamJiZGNmZmBRV0NBOTYvMzEnKSghGyIpIxcXIhoYFBoZGxkeFhwVGRYQGBYaJCEcHRwoJy00SERQWV5eZGVmZ3FyeG5saHBjW09WUUVGOD0xNjoyQEJITUlUVl1jZlFjYVhoYF5bTlRIPEQ4MygwJS0kJRspIxwbIyIdHB4dGhQOGxYRFxATFxITGBYcFRsYKBojKiwpRE5YXWNdYmBcY3F3c2tub2hoanBST1hFPkA9PDEzODRBTkxbT1hcW1RaXFxeXUpKSUdEMzooLSwmIyonLxscIiYcHiceHh0YIBgYFRYSFxMTGx0QERUaHRgWICYfJywyOUhPWF5eamFiZ3J5c3x4cnNnYltbWFNGPkdHSEtDQzs1PEBMU1JXU1ZeTk5LVUVBRT9FKzUoKh4sMiIgIhweJycfHCgfIxMcFR4YChwZFxkOGhUcGh8bGRQiHCAgIyAgLDxOVVFkamRhcnV1goKAf29qYmtXYlxPR0g9RURHPTJANDE9QkJPS0ZMU01AQzw7Ozc6Ny8tJyozGiYjJigoHCUhHhwnHCAbGxcLFRcYExkXGxMQGhEZGBcaIB0eGSMwLDhGSlFbYGRraHZufYGAfXNsaGlqY1lWPklEQUBJQ0RANTwzNDI3ODtIODk0OjsxNi8oNDUqMSklKicdJB4fICkaGxsaHxMfFxscDxYWCxETGRUZGA0KFQ0lFicZHR0xLis2QEJqYl9qaXFxcX15eWxnaXBuaVZYPktRPEI7PUBGOD40NS8zLjEwMjgsMi4wNjY5KywwLyUgIx4jIyEhIBseHxYWGxcgFx4dFRMZFxIQHBMZGxAQHxkcHhUcHCQgLSQ1O0NJUmFVYGtrcW1xY25oamxnYmNaSkVLQz5POUFBMzUzKiw6Ji02MjM0LygvNjoxKS0vJzUrLiktKCErHyQjHx4dIB8VIiIhFxgaHRkiHhUWGxcYFxocJCIWHCAqKSQsMjtLWltpaWFlZ3BxY3FkY2ldXl1dRVJDRzpBOzc+Mj0vMSomNS8zJi4zNjxJNzovNDYuMCsnMSgnKSAhJBklGiEWFiAnExwmGBshHRUaHBUUFxoaGxkaGBkXGSAoJCMsKzs+VFNpV2RoYWllcGxmaWZgWmFTPz5ER0RDQT07MTkxNC8qKyg0MDU9QERCTEdIRDkzLCMeLSYvLSYrIx0hIh8bGB8gGxUeFxoUHRMdExkRJBccGBgYIBogGhQnHyUoKyk6O0ZXXWZuYVxnZ2NpZmZfXF5POzhBPEJJSEg5MzQzLyclKygwLzo8Q1pXUFJVWks7LDEqLS8sKyUiNi0oJCIeICMnIRQlGyIYFyEiHxYYGg4aHgwbGRUcHyAcHiAeJSovNkVOXFhdWWJga2JoYmZnYFNhPUQ5TEpIREFCOCgvNDAvLi8wN0VNSFJeWVxQW1FEQDg2PDErLyszKjAlKCkiIyEjKh8jFiMWGxkaGRAVGRceFRUaHickHhsZHxweIiovJjM8RU1SXFxfXGNkYl1aYmJVPj1GQkU/PzhFMTAyLygqND8xOT1FSldVXFpiYFtRRD1AOzgzNzw+ODQxLDIuLC4kICUlIhgeFhIZGSEWJhgdFx8WGhshFyAjIiIhIR4uLS8vOTlGT1RWYFxgY1lgYFteQj9ISUZFSTtAPDcxLzI0LzM+SEtKVV5pZ19aXl9OVURIQz9EQEQ5P0NFP0E6OzI4MCgkJSAZHBwhFxUgHR4gGxcoHBkbHhoWHCEkICglIyg2KC0tPElYV2RXWlZhW1lZRko/P0hAQUNDLTcpKC0wOT9FRU1RX2ZmZ1pXWWVbVExMRkU+R0VHUU9NTUI8P0QzNjkvLh8mGRcfIB4XEB4QFxkfFh8gHRsaFRMnJxofIxshLycsOTtEQUdKTVBgVllXU0BJR0Q/RDM6ODMtKis8M0ZQS1JSW2RlX19nX1dOU1FVR0tJSUNES0lLSUpGSEo6PTApJykjKBsaHR8aGhofGBkVHBUYIRchHRkjHSEbJCMbKSklMigwN0NHUU9cWlZJSkg+REVFN0M+OyouODY7OT1QSVBVXGdnX2prY11XVlVRSlFVV01NTENOSkhAQ0JJPzw7NSolJh4nHBwWGxQfEg4bIRwTGRYWGB0gJCIhHRwnKiQoJCkvMDg7OERSSU5ISEY4TkBGPTo9NS0oLi83P0dMT1ViXWpgZG5YalVeWFpeVFdVVE1NUVZRT0VKVEpJPTU5MCwpJyYjGR8bICUZHxoZGRUkEx8WGhocISQdEispJxwlIScpNDEwNi4yPUBESUJAOjg/Mzc0KjAwMDkyRUZQVU9RXV9sYmxlZ1pTXGNiV09YXVJPS1dST0hKQk08SEI+MjckIiQpIygbIyQfFRkgHRcaHh0hHx0eFhYkFRwcISMoLygiLS4mLzY2Oz9GPTs6SjkvMDYsMTYtKiw1Pk1KVFRQWl1jYmJmXFpVVFllXF5TW1JjWlVRWFVLR0VLSj01QDguLyUcISUdGSMfJRYgGiMeGB8fHBkZDy0fHSAiHx0WIx8pITEpKzQ1LTM+PUc5PzIzMSwuLSk2KjU0REpRVk9SVlhWaF9bY19gVFRZXlxeWFtTXVhJUk5LR0hITUU1OyYiKiQxKh8kHyEcJR4iICYcGx4UIiAXFh8XGCQjGSEjIyAdHisjLjNDPT84NzcoLiMiKScsHyciJSk9PUhGSU5SU1BSXWNeaV9fXVdfWlFUVlVeV1tPUFFIVUg+SD41Nzo8LzQyNzMnJiQlGiEiHyobIhklGx4hGBgaHB8eGCAUHyMtGyEiJjE9NzJCJzsrKiglIiMbKR4rKCU2PUpOSkVQWVVPTVNeYmNdV1ZQUFFRVVteZmNVUFhIUkdGQElAPDw7NzQ9Nzo3NS0vJi0ZHiEfIhsgHR8fFyMfHBMbGh4dKyIdHyclKjk0MDJBJR8fHSEeJC0eJx8eISIzQURDSkpFUU5LS1RYWFFbWFRLU1JXXFhjX1RRUlVIR01FR0o/Pjw7QTcwLzo1LzExMykzLy0dIyUiJSgWHCcaGR4jEB0bJBwoISQtMTQtNDM/FiIXHyQnKB4iHSAvKCgpNDpBP0hKWFRIUVdhW1BSU0FWRk1OYVpkX15VT0tGREVDR0RCPzs/PTg5ODY1PDMxKzQwMCkwLSEgHBkbFhoaGRkUHyMXHyAiJxkaJyUuLzdDICAgHScdHhQdGSUjJx8qMi9CPjtRU0hGSldLVVJPRlBIQ05UXlxgYFxXS0lKR0RFPEM+PjtBOj45QT05OztBNTg3MCcuKiYiJhwhICUZGxgcHRodFiIkHCImIB4qNDk9GR8aHhUZJiEfFyYdJiInLS89M0BJQEdNTEhRUk5RSEJKRkpRUmNYW15ZXVdCRUc7TUlHQkI+RUFCOjouPEA3LjoyNzI0IScqIRweGR4XGxAbGyAfFxUcIyQlIiYuLC1AGxwaFh0SHRciIRcUIxwgJSUvNTpDQUdAPklMSUlDSkREQkFIWVNOTlBOWVRRSUNGREdIRDk5P0Q7QDRBOUAvNDY7MjQ6PislKysdGiEXIiYdHhQbFhgcJDAfHyEsLjZEFiIWFxkjIxQbISMYHiQjJS8sPTs3SkU7RjxGRkRJR0A/PzZBTExMVVRRVFpVRkJGRk9GOzdDOkdMQTlAOTc3PzU/OzI1PDItLiAhHh0iGB8WGxIeHRsdIBgjIyooKTU7ExgPFRsaHR4UFx4XIyEZGicqMTExPj1HOThAQkZCOzQ7PTlJOk9GSUpUUEtGSDxDPkc5QU9GPkA2QzxCO0c9Q0NGOT8zNz0sJiooHBwnHhwXFR8aEREjGCEkHygiLyxIFgoaFxsTFSMZGhkfFRQfESQhIy8xMi84OTgvOT8+MjowLD04Q01JTU9LR0RIQjtBREM4Pz49QTw+SDU/OjpCQ0tCQjs6NzQ2NiQqHx0cGRYVERQYIBkbFiEkLiMpLzZFEREcFx4UFw4gFRgZHBobHSEeIiYcMTE0Mys4MDM3Ky82PTs9RkZLQ0RIQ1A+Pjg3Ozw4PkBAP0hAQ0Q9PDdARURAOj87QDcqLi0pIxgcGBobICEbGx0cHCAcHDIsMDpCEhYVFhYeExsQIBUcFB4XGSoZJCskJjAtMi4tKSonMSYvOjZCOkBBSEI7QkFBOzo+Lzc5OzY+Pj8/NTZBPztFRU1LO0pEOS8wMDArJCQVGhscER8VHh8eICIaHCElKTo/GRMVExkRHBwTGRgYFRUdHBcdHBclJCUeKCQrMh8qIyckKzU8OkBCRD1FQzw1NDc5OTE2Qj5HSEFDPzlDPkM8SUlMTEJFPzczLjIhHyEYGyESHB4bFRkaGSAjHygnLTI7ExESGBsTGg8OExgkFRkfGxIjGh4hJSMtJh4hLiIfJikhMDE4Mjs8Qj0/Oz8+NSsoJCwxPDREOkY+OUE/Q0VMQk5GUUU5Rj0wMyYwJSkjIygWGBsaIhsiIiAeISYhLDE7FwoSEQ0fEBUXFxMTExYZGxsiHx4bIxscGx4fKCglIiEsJi03NjQ8ODU1OTgyKSkrLSI0MkE3PDpAPD5EPkdCUEZISUdCSTowLiUqKSAlGyUmHRccFhsaIRojISEdKS1ADBkREhISGhAaExURHxcLGxcdGhQVGBwqHSEeHyMeHSIjJSo2My4sMzRAMjUxGygxJDQvNjE3OERARktDRU9HQ0BESUM+Pj84KyQoLB8jHhwcGhYcIxcjIR8jJiYnMDIzFhUMGw8TFhQXGREXGwcVJCAXGBseDRobGB8ZGh4XGhggIBwdMCoyMDMwKSQkJy4gKyglMzY6OTZANDdCQz9HQEdHRUQ+NkUxNi8dISoqICEdHRwZISMYIiEjKCssKCk6GgsTFBUYFhgeEB4dFRMZIR4XGB0hFB4UGB4fFRcaFx4bHSUeJiQiJycmHB8hISEjJyolJS40PTY0MD1DPEFFS0dSPjk6OTwwMSkYLCIlHSMeHSAhHh0gIikYKCEpLS4vEQ0NCwgXGBEIFREZGBoOGQ8VGhkZGBMXHiQTGRkYFiEdHSMeHh8lISEcJR4cHyQdIh0iKCs0NDc2NkFFO0RDQ0ZESUJFOUA1LCkkMB4nJiAhKCwgLCgdHCAhIiUnJTEwCxQRFBQZFxkZEAgYEhYVDxYTGRASIhQaFiEZHB8ZJh8ZGxciFhkgIRscIR0aGB0gHCEiJCQzMDA2OkVAQENHRkdPS0BAOTc0KSgqMyYhKiYkIRwYJCUlHxsfJSIdLSYz";
  const RUNS = "0:89 3:7 0:88 3:8 0:88 3:8 0:88 3:8 0:88 3:8 0:89 3:7 0:89 3:7 0:90 3:6 0:90 3:6 0:90 3:6 0:92 3:4 0:94 3:2 0:2608 2:17 0:76 2:23 0:70 2:29 0:66 2:31 0:33 1:7 0:23 2:34 0:31 1:11 0:19 2:35 0:30 1:14 0:16 2:35 0:31 1:15 0:15 2:35 0:30 1:17 0:14 2:34 0:31 1:19 0:12 2:33 0:32 1:20 0:11 2:32 0:33 1:21 0:9 2:32 0:34 1:22 0:8 2:31 0:35 1:23 0:7 2:30 0:37 1:23 0:6 2:28 0:39 1:24 0:6 2:25 0:41 1:24 0:1 5:4 0:1 2:23 0:44 1:24 5:6 2:21 0:45 1:24 5:7 2:17 0:49 1:23 5:8 2:12 0:54 1:22 5:10 0:64 1:22 5:10 0:65 1:21 5:11 0:65 1:20 5:11 0:14 6:2 0:49 1:20 5:11 0:16 6:2 0:48 1:19 5:11 0:13 6:7 0:47 1:18 5:11 0:11 6:10 0:47 1:17 5:11 0:9 6:12 0:47 1:17 5:11 0:7 6:15 0:48 1:15 5:11 0:5 6:17 0:2 4:9 0:38 1:14 5:11 0:4 6:19 0:1 4:12 0:37 1:12 5:11 0:4 6:19 4:15 0:42 1:3 0:2 5:10 0:5 6:19 4:17 0:45 5:10 0:4 6:20 4:18 0:44 5:8 0:6 6:20 4:18 0:44 5:7 0:6 6:21 4:18 0:44 5:6 0:7 6:21 4:18 0:44 5:4 0:9 6:21 4:18 0:2 7:5 0:37 5:3 0:10 6:21 4:18 0:1 7:9 0:34 5:1 0:13 6:20 4:17 0:2 7:11 0:46 6:20 4:17 0:1 7:13 0:46 6:18 4:17 0:1 7:16 0:44 6:18 4:17 7:18 0:44 6:17 4:16 7:20 0:44 6:15 0:1 4:16 7:21 0:43 6:14 0:2 4:16 7:22 0:43 6:12 0:3 4:16 7:23 0:44 6:9 0:5 4:14 0:1 7:24 0:45 6:5 0:7 4:13 0:2 7:25 0:56 4:12 0:3 7:26 0:56 4:11 0:3 7:26 0:57 4:8 0:6 7:24 0:61 4:4 0:7 7:24 0:73 7:23 0:73 7:22 0:74 7:22 0:75 7:21 0:23";
  // patch: end

  const N = SIDE * SIDE;
  const MEASURED = Uint8Array.from(atob(VALUES), (character) => character.charCodeAt(0));
  const TRUTH = new Int32Array(N);
  RUNS.split(" ").reduce((at, run) => {
    const [label, length] = run.split(":").map(Number);
    TRUTH.fill(label, at, at + length);
    return at + length;
  }, 0);
  const WHITE = 120; // grey values from here on are shown as white

  /* Gaussian blur as SciPy does it: kernel to 4 sigma, image mirrored at its borders. */
  function blur(values, sigma) {
    if (!sigma) return Float64Array.from(values);
    const radius = Math.floor(4 * sigma + 0.5);
    const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2));
    const total = kernel.reduce((a, b) => a + b);
    const mirror = (v) => { const m = ((v % (2 * SIDE)) + 2 * SIDE) % (2 * SIDE); return m < SIDE ? m : 2 * SIDE - 1 - m; };
    const pass = (from, step, other) => {
      const to = new Float64Array(N);
      for (let line = 0; line < SIDE; line++) {
        for (let at = 0; at < SIDE; at++) {
          let sum = 0;
          for (let k = -radius; k <= radius; k++) sum += kernel[k + radius] * from[line * other + mirror(at + k) * step];
          to[line * other + at * step] = sum / total;
        }
      }
      return to;
    };
    return pass(pass(values, SIDE, 1), 1, SIDE);
  }

  /* For every threshold: share × share × squared difference of the means of the two classes. */
  function betweenClassVariance(counts) {
    const total = counts.reduce((a, b) => a + b), sum = counts.reduce((s, c, v) => s + c * v, 0);
    let below = 0, sumBelow = 0;
    return counts.map((count, value) => {
      below += count;
      sumBelow += count * value;
      const above = total - below;
      if (!below || !above) return 0;
      return below * above / total ** 2 * (sumBelow / below - (sum - sumBelow) / above) ** 2;
    });
  }

  const NEAR = [[-1, 0], [1, 0], [0, -1], [0, 1]];
  const ROUND = [...NEAR, [-1, -1], [-1, 1], [1, -1], [1, 1]];
  /* Calls visit(j) for every neighbour of pixel i. */
  function around(i, offsets, visit) {
    const y = Math.floor(i / SIDE), x = i % SIDE;
    for (const [dy, dx] of offsets) {
      if (y + dy >= 0 && y + dy < SIDE && x + dx >= 0 && x + dx < SIDE) visit(i + dy * SIDE + dx);
    }
  }

  /* Connected components of a mask, 8 neighbours, numbered from 1. */
  function components(mask) {
    const labels = new Int32Array(N);
    let count = 0;
    for (let start = 0; start < N; start++) {
      if (!mask[start] || labels[start]) continue;
      labels[start] = ++count;
      for (const stack = [start]; stack.length;) {
        around(stack.pop(), ROUND, (j) => { if (mask[j] && !labels[j]) { labels[j] = count; stack.push(j); } });
      }
    }
    return { labels, count };
  }

  /* Every pixel of the mask goes to the nearest local maximum of the landscape, on a path inside the mask. */
  function cut(mask, landscape) {
    const labels = new Int32Array(N), queue = [];
    for (let i = 0; i < N; i++) {
      if (!mask[i]) continue;
      let highest = true;
      around(i, ROUND, (j) => { if (landscape[j] >= landscape[i]) highest = false; });
      if (highest) { queue.push(i); labels[i] = queue.length; }
    }
    const seeds = [...queue];
    for (let head = 0; head < queue.length; head++) {
      const i = queue[head];
      around(i, NEAR, (j) => { if (mask[j] && !labels[j]) { labels[j] = labels[i]; queue.push(j); } });
    }
    return { labels, count: seeds.length, seeds };
  }

  /* Objects compared with the truth: pairs by falling IoU, each object in one pair only. */
  function score(labels, count) {
    const shared = new Map(), areas = new Int32Array(count + 1), trueAreas = [];
    let both = 0, either = 0;
    for (let i = 0; i < N; i++) {
      const t = TRUTH[i], p = labels[i];
      areas[p]++;
      trueAreas[t] = (trueAreas[t] ?? 0) + 1;
      if (t && p) { both++; const key = t * 100000 + p; shared.set(key, (shared.get(key) ?? 0) + 1); }
      if (t || p) either++;
    }
    const pairs = [...shared].map(([key, pixels]) => {
      const t = Math.floor(key / 100000), p = key % 100000;
      return [pixels / (trueAreas[t] + areas[p] - pixels), t, p];
    }).filter(([iou]) => iou >= 0.5).sort((a, b) => b[0] - a[0]);
    const partner = new Map(), found = new Set();
    for (const [, t, p] of pairs) if (!partner.has(p) && !found.has(t)) { partner.set(p, t); found.add(t); }
    const nTrue = trueAreas.length - 1, tp = found.size;
    return { iou: either ? both / either : 0, tp, fp: count - tp, fn: nTrue - tp, ap: tp / (count + nTrue - tp), partner, found };
  }

  class ThresholdExplorer extends window.CourseExplorable {
    static label = "One threshold: histogram, objects, score";
    static help = "Move the threshold with the slider, or drag over the histogram.";

    build() {
      this.picture = this.stage({ label: "", view: [0, SIDE, 0, SIDE], draw: (c, s) => this.drawPicture(c, s) });
      this.key = this.text("key", this.stages);
      this.histogram = this.stage({
        label: "", view: [0, 160, 1, 0], aspect: 2.6, draw: (c, s) => this.drawHistogram(c, s),
        drag: (x) => { this.threshold.value = clamp(Math.round(x), 0, 159); },
      });
      this.text("key", this.stages).textContent = "Bars: number of pixels of each grey value from 0 to 159 "
        + "(logarithmic). Curve: between-class variance for a threshold there.";
      this.threshold = this.slider({ name: "threshold", label: "threshold", min: 0, max: 159, change: () => {} });
      this.button({ name: "otsu", label: "Otsu's threshold", main: true, click: () => { this.threshold.value = this.best(); } });
      this.sigma = this.slider({
        name: "sigma", label: "blur of the image σ", min: 0, max: 4, step: 0.5, format: (v) => number(v, 1), change: () => {},
      });
      this.mode = this.choice({
        name: "mode", label: "Objects", options: { components: "components", cut: "cut at seeds" }, change: () => {},
      });
      this.spots = this.slider({
        name: "spots", label: "blur of the seeds σ", min: 1, max: 10, step: 0.5, format: (v) => number(v, 1), change: () => {},
      });
      this.numbers({ variance: "between-class variance", objects: "objects", iou: "IoU of the masks", ap: "AP@0.5" });
      this.numbers({ tp: "TP", fp: "FP", fn: "FN" });
      this.note = this.text("note");
    }

    reset() {
      this.sigma.value = 0;
      this.spots.value = 4;
      this.mode.value = "components";
      this.threshold.value = 90;
    }

    /* Blurring costs most, so it is kept until its sigma changes. */
    blurred(sigma) {
      this.kept ??= new Map();
      if (!this.kept.has(sigma)) this.kept.set(sigma, blur(MEASURED, sigma));
      return this.kept.get(sigma);
    }

    get counts() {
      const counts = new Array(256).fill(0);
      for (const value of this.values) counts[value]++;
      return counts;
    }

    get values() { return this.blurred(this.sigma.value).map((v) => Math.round(v)); }

    best() {
      const spread = betweenClassVariance(this.counts);
      return spread.indexOf(Math.max(...spread));
    }

    update() {
      const t = this.threshold.value, { values, counts } = this, cutting = this.mode.value === "cut";
      this.spots.element.hidden = !cutting;
      const mask = Uint8Array.from(values, (v) => (v > t ? 1 : 0));
      this.result = cutting ? cut(mask, this.blurred(this.spots.value)) : components(mask);
      this.outcome = score(this.result.labels, this.result.count);
      this.spread = betweenClassVariance(counts);
      this.bars = counts;
      const { tp, fp, fn, iou, ap } = this.outcome, most = Math.max(...this.spread);
      this.show("variance", this.spread[t].toFixed(1));
      this.show("objects", this.result.count);
      this.show("iou", iou.toFixed(2));
      this.show("ap", Number.isFinite(ap) ? ap.toFixed(2) : "–");
      for (const [name, value] of Object.entries({ tp, fp, fn })) this.show(name, value);
      const total = tp + fn, where = this.spread.indexOf(most);
      this.key.textContent = "Solid blue: true positive. Dashed orange: false positive. Dotted yellow: truth that was missed.";
      this.note.textContent = t === where
        ? `This is Otsu's threshold: no other sets the two classes farther apart. ${tp} of ${total} nuclei are found.`
        : `Otsu would take ${where}. Here the variance is ${Math.round(100 * this.spread[t] / most)} % of the largest possible.`;
      this.picture.label = `Patch with ${total} nuclei; threshold ${t} gives ${this.result.count} objects, ${tp} of them match a nucleus.`;
      this.histogram.label = `Histogram of grey values, threshold at ${t}; curve of the between-class variance, largest at ${where}.`;
      this.say(`Threshold ${t}: ${this.result.count} objects, ${tp} true positives, ${fp} false positives, ${fn} missed.`);
    }

    drawPicture(context, stage) {
      if (!this.result) return;
      this.small ??= Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
      const small = this.small.getContext("2d"), pixels = small.createImageData(SIDE, SIDE), { values } = this;
      values.forEach((value, i) => {
        pixels.data.fill(Math.round(255 * clamp(value / WHITE, 0, 1) ** 0.7), 4 * i, 4 * i + 3);
        pixels.data[4 * i + 3] = 255;
      });
      small.putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.small, 0, 0, stage.width, stage.height);
      const { partner, found } = this.outcome, { labels } = this.result;
      this.outline(context, TRUTH, (label) => label && !found.has(label), "#F0E442", [1.5, 3.5]);
      this.outline(context, labels, (label) => label && !partner.has(label), "#E69F00", [6, 4]);
      this.outline(context, labels, (label) => partner.has(label), "#56B4E9", []);
      for (const i of this.result.seeds ?? []) {
        context.fillStyle = "#ffffff";
        context.beginPath();
        context.arc(stage.x(i % SIDE + 0.5), stage.y(Math.floor(i / SIDE) + 0.5), 2.2, 0, 2 * Math.PI);
        context.fill();
      }
    }

    /* Edges between pixels of chosen objects and whatever is not the same object. */
    outline(context, labels, chosen, colour, dashes) {
      const unit = this.picture.width / SIDE, at = (y, x) => (y < 0 || x < 0 || y >= SIDE || x >= SIDE ? 0 : labels[y * SIDE + x]);
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.setLineDash(dashes);
      context.beginPath();
      const segment = (y0, x0, y1, x1) => { context.moveTo(x0 * unit, y0 * unit); context.lineTo(x1 * unit, y1 * unit); };
      // Straight runs are drawn as one line, so that dashes are seen.
      for (const [turn, place] of [[false, (a, b) => at(a, b)], [true, (a, b) => at(b, a)]]) {
        for (let a = 0; a <= SIDE; a++) {
          let start = -1;
          for (let b = 0; b <= SIDE; b++) {
            const one = b < SIDE ? place(a - 1, b) : 0, two = b < SIDE ? place(a, b) : 0;
            const edge = b < SIDE && one !== two && (chosen(one) || chosen(two));
            if (edge && start < 0) start = b;
            if (!edge && start >= 0) { turn ? segment(start, a, b, a) : segment(a, start, a, b); start = -1; }
          }
        }
      }
      context.stroke();
      context.setLineDash([]);
    }

    drawHistogram(context, stage) {
      if (!this.bars) return;
      const t = this.threshold.value, high = Math.log1p(Math.max(...this.bars)), most = Math.max(...this.spread);
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, stage.width, stage.height);
      const wide = Math.max(stage.x(1) - stage.x(0), 1);
      for (let value = 0; value < 160; value++) {
        const height = Math.log1p(this.bars[value]) / high * 0.92;
        context.fillStyle = this.colour(value > t ? "sky" : "muted");
        context.fillRect(stage.x(value), stage.y(height), wide, stage.height - stage.y(height));
      }
      context.strokeStyle = this.colour("vermilion");
      context.lineWidth = 2.5;
      context.beginPath();
      for (let value = 0; value < 160; value++) context.lineTo(stage.x(value + 0.5), stage.y(this.spread[value] / most * 0.92));
      context.stroke();
      context.strokeStyle = this.colour("ink");
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(stage.x(t + 1), 0);
      context.lineTo(stage.x(t + 1), stage.height);
      context.stroke();
    }
  }

  define("threshold-explorer", ThresholdExplorer);
})();
