/* <ball-explorer>: one neuron that looks at one grey value. A ball on the loss curve is the threshold; a step moves it
 * downhill, and the mask follows. Needs base.js before it.
 *
 * The picture is a part of StarDist's example image img2d.tif and its mask:
 * Copyright (c) 2018-2025, Uwe Schmidt, Martin Weigert. All rights reserved. BSD 3-Clause License, see
 * LICENSE-stardist.txt in this folder.
 *
 * @name ball
 * @about A ball rolls down a loss curve, and the mask of real nuclei follows (the bridge after chapter 1).
 * @poster fill rate 7; click step 2 */
(() => {
  "use strict";
  const { define, number, clamp, random } = window.CourseExplorable;

  // patch: begin (written by `python -m coursebook.explorable_data`)
  const SIDE = 96;
  const VALUES = "FQwLExUNDxsPFRUdDw0ZFhAEIRYWERgdBxYXFRgPDxkXFBUSGRoRGQ0UGxceGSAWHxwsJB4iGiAdHRoWEhcZExYWGQ0VExggDRYbEQ4XGhAYEBAZHSAgIS4sOzo/Q0NPEBoZDhQRFA0SDg4UFhgXDxsQEQ8REgkVFBQXCwkTFwwUGxoVGBoQGhYdGRIZHBcWHBsVGRMZFBsVHBEWFxUeDxYWHRQGFRcVEhwPGBAZFhYXHB0VFyIaIC82MzRBQ09HFBUSExIaFxQUEh0QGBMVFxYOERMFGQoNGA8WHQ8PFBATERcQFBgTEBkQHBIQFhsWEx0ZFBIdFxccGRkdHQ8HFh4YDxITHw4NHhIWFhkdFxcSGBoSIygaKDI3RkQ/RUtRDxMSHxgQEBMVDgoPDwsSBBIPGAsSFRYODA0WGhQUDxQVEg8RFQwSEBUQEhINJBYPGRoUGxgYGRsWFRYPGRMSHBEOGBQXERYVFSASER0VGxIeGBsXGRkcKDc0QkBDT01NGAsPExIZExYSDhMRGA4ZFRgQDQ0UEREWFRQQHBUMFwoSCxEVFRYZFBMjEhwWHA8aExMdIxsYGBYYDh8VDw4pERUVGRAWCw8QDw8KHA8SExsUGxoeFSAhJCc5PUA/R0RQDREXHBMMEBgTGgsJEhMPDhUXCgsQGBYQChcNDxgTDBAVFxYbEg4XCh4WIBgYHh0RGRUZEw4bFBEZExIVExQWGxQREBQVExMcEg4ZEhAOGBYaHR4cFiIhKi41Oj08RkJJFRQRHAsSEAwLEB0MFBMQFBIUGBUTExITEhUHFBQXEA8QHRETExIaEBEeExoTFxMTEBMZExsWEhQWFxESFhYUEhUPERYMDhoPDRoWFRsWEBkSDx0cHCAWKSc0ODVEQEVCGRYSExkWEhcODiEMDxwZEggXGg8RCA8YDREXEhYTFRYNGBkQFhIUFhUTFhMWFBUNFRgYFAsUGxsZFh0TEQ8RFREOEB0TEg0WEg4XJBYREB8YDhQgHxkcIiIvKkFEPkxQFBcPFxIQFRUSFxUJEhIQDxUOFxQUEAwUEw4OCxAYGg8bFxcODw8SCQgZFgoXGRYKGA8IExgXDw0FGRQQGhkRFQ8PDRcWEBURGBQaEQwXFhsYERkMGyUgKCcpLz1DRj9FFRQTHRsRDwwUFg4REw8RExgWCRQUDBgNEBUSDREWFRIREw0VDx4NEA8KGBUPGBgiFBcOFBIWFBUOFRERDw4OEBIUDxYXERQNDxgVEQ4aGBcYGBsYERkVJCMgLjA1PDxIFRIUFA8KEwcLFg0bERAYDhgUGg0JFRQZFBERGhUPCRMSGhAGDxYWERAMFxEUEBkaDRERGhcVFiEbDBgMEgsLGBMWFBQUGBcXCw8PEAsNFRwaExcXFhQaHiAeIx8zNj9CDhARFR0OFhUTDg4UFBEUGBMYFgoRGRAWFA0RFhEXHxEQFhUNExUKEBMVExMVFxkXEBETEBYJEBcSFAcODxIaEAgUGA4PFxMLEhQQDxkTEA8bDh8dFxscGCohGiIoJjU5GREXEwYQERsTCBQXDhISExkGFRkVHRMQExMIChMbExoZFAoPFQ4MEQcPFA4RGA8UDBQaDAwSEg8OCxcNGRoSCRUHExcYDQoPEQoMEBoaFBUMGxYPEiAmHx8cHicqJik4DxYWEhEWDhYJDhQbChgTGw0VFAcNEhEUFAcZDg8XEA8MEhkQFRcXDxYZGgwTERoREw4SDhAMGAkXFhkPFhkOEBEMDhEVFxUXExoVDwgdFhQWFBcXEh4XHB0ZHRgbGiIiHBETDCEbDhYdFhMYChAPEA0VDAsKCQ4NDhQYEQ4UDhUNERcZDh4TDRgJChwODxMSFBkUDg8YEBYaFhIWFSQODxUWDRgMDxYUEhUVHRURHxkJExQYEBUZExseFxokGiEnDhEDFgwJFhcVFhAODRMVERkVEQ8WCxQQDQ4MDhIVFxEODA8PFxAPChcZFRUMEg0MCxUXFA0RDRsMFhMQChISERQVFhYMFRgJEBIQGBIUDxoaFhkgFxMdEBoPFR8fGCcZFxIYDhYWEg8RFRUTHQ0ZFBgTFRcUGhENFBkWEg0fDwkOFA8JExINEwkPFhUNHAsPFQ4UExgIChIXChoUExUOFhAJEBAYDRsYDhISER4UFBgOFRkaFhIUGiQUGiETHx4lEB4aCxASDhMRDBcPFBYPEgkOCxQUGg4YEgkPDRIWExMXDwsTFhcPEhAgEBoSFwwUBxARDRQRFhcNEw4bFA0QGBEeDxcQEhIUCBEYEQ0OCxQTFBARExkYHBMZGR0THhsaFBcNER8cGBUJGQ4PEwwUDBUWEyAcFg4QHwoQDBAXEB0YExQREBYWGhsaCA4UFBMOGhkbDBQIDxYWFQgUGRwUFRoPDA4eEBQLDxwUCxcQERQWExkZDBYTFhgUFhgSGhoZDxgWFw0XExEOFhYYFhgPCRMSDBgOExUOChAVFAkVExETDxEVEg0IEQ0UEBkRBhMRFxkaEBEPDxQZERoQFhIWFQ8GEBMaFhIUDQ4ZFBEPGhMUEhIaDhodDhwcFxMOFhUYExsYFQ8PFhsdFRAZDA0PHhUODgwYFxMWHxgPFBEcFA8aFA4ZEg0QDRMbHxAQEw8PEBcOEhEOFQsMCg4KEhATCxkUGRwaFRISFhsSFA4SGREZExIXEAwbCQwUGhsXIhMbFA0TFBgZEAoOFhUICREYERgTExgVDxUVEA4YGRYSGBgWFQ4bGxcZFwgPFhIQDgkOEhEVGBEPDBEJFAodFCEXFQoODhkMCBgOEg4VFA4bEw8QExUSHBISEBYLFBsVECITERkTExYVFxYWEhYcGBgXGRcWExIRGxUQGx4RFAsQFxMQCxUKDxQRFRYSDBUQDxMSFBISEQ8MEggNHA0SFAwREAoSEwsNGBMWCxERFRMbChYXGgsXHBUKHRMYHxkfGQ0cCw4aFxwWGxIREBcSFBIIDhYLFxMTFBMXFhMcFRsWExMVGAoVGRAREwsREQ8TCBUVEhIQDgoPDBEXFA4YHRwZEhgMFxkUCBUXGBIMDRcLGQ8SFA4PIBgVDRoTFRckHxMUHhsbER8PERIQHhkVFxcQFxQcFhgaERgWEBoYHBEJEAweFhUWERUaFxUWEBYRFA8XGhgWCBEMFw8aExQcEw4aFRUTFhUQGhoUDg8TEhMTDBYSFhARDh8LGxkWDRcSGxsQExYUDhgVFRUMIA8UDxsYExoPHBETEBkXGBYYFRsTEwgUEhsOHRYYEBYXDxwTFxUQIBESFhMVHRYTFRIQChITFBkODBUeExEbExASCRccFBsOGh8PGR0ZFBISGRINDBYREBQRERIZGx4UExUeGRcTGxQdDxEZFhUOERIcEhAQDRYUGw8bEREUDxQNEBEPGw8GEhYVExISFhIMEggSEhANERAPEhEUGQ8UDQ0cEhQOHREQHBEbDhkWFxAXGx4WFhEZFxEUGhQXFA8UGxkdHxQfGBAZFxIeGREaFREYDxcVGBoUFh0ZEhMQFQ8OFRUOFxgQExANFxMXFBkFGRkUGhETEgoaHBcKFA4IDhAQCRIYDw8VGRQTDh4RHRQPGBMYDxkREx4TFCENDRYPHhsbFRkZEhkSFQ8ZFh8VDhASFRceEw8iGhMVFhMSFwwYGBISFAwVCBMSGg8QCgwVBQ8TExoHEw8LEA4UCxsZEQwODBQPGRMSDA8dFx0VIhUXFBAeDxIHGQ8LGxMLFhAZHx8bFR8QDigYGhUjGR4cEyIUFhcZHBIZGQ4WEhYZCw8LERQSExANGRMaFhIRFx0QGR8QEBcXFRUYEQsaFBgSEQ4PFA8WFBIQGRsSDx4VDx4RHg4aGBQWHRMNERYNGRciIBUPFR0TEx4YFRgdHQ8QHBIaFBgTFBoXEhAdHBQUFRogCx8XFRoSExMWFBYVChYRGhIVDx0QFRcPDhESFA4XGBEKEhgRGhQTHg0REAsZHxEOGRMZEhEUGBgRFRodFxoWFRYaGB8THRofFSEdHh4VIBweHA0WGhwfHRIRGBYbFBwbHQ4RHBUZFwkMGRwVGRULEhYUHRMPEhMXFBEKEhMRGBsTFxURGCAPGQ8UFA4XGxMNFRIiGhYZGRIbFhUSHQ8VHBwcHxUdHBgUKB4eFxwdHRwcHBseGxwcGxcUHB8RFg8VDx4RDRYXGRARExMVERgeFQwVEwsRFhMWFRgXFxsOFxMXFxoSGhUSFxgTHxAjFxIUFRYPEhQWFRETFxYTHhQfFhkZGh8YIRwTFyAhHxgZGSUWGhwbFh0aGBogFhUZHxcaHxoXEhMQGxASChcbFQ4ZCxIcDgsZEBQRGBIVEhgNDRIdEA8YFBgZESAYFyMVEBcNEhEXExgUGhoTGhwbGxsTHBIkGxwgGiQiJRsZHxshFh4iHiUhHBoiKBcaFBsiHxoTDhMREhEPGxcTFBsbDQ4YEwsREhcVCxQRFRwcGBgbFhgVGRUXGSATGhMLGBYLERkeHhASGhEYIQ0ZGhcPGiAjFBwkHBsfHB0oJSEqIiAbHSUqJyIgHx4mIRwnEhogFxYXGBMdDxQPDxMWGhYXFRIUGREUDRgMDBYSEwwQERkXFBkTHBUTExwIHA8XFBAYDxEdFBYYDxQVFBobGhYJGx0iIBkrKSMhJB0nJSUdKSkcIiQrICUsHSQgHx4fIi0aFR0eDhYPExAXERwYERgWDBYSFRISDBUZGhEbHxoXHBIdFRQXERsdHBIZIBoaDhcaGBUWGhMWFw4eIBweGhUfGigeHCcdJy80IiwzLTIwLyo1LismKSQqJCMgHBsfKCQfHBoZIRALGBASFhMSFhYYExYMFhoYDRYQFhkSCxQZEQ0WHxQSFx8mGh4cHBcbIBIcIxAfHBgVFwwbHRsMGx4YISElKi4uLjg3PS8+RDU3PzE7MzA4LDQ8NywrIzckGhwbJCEaFCIVHRsUGRgJDhMRFBEYDxEZDxcZFRgaFRwUGBseHhsdGiIXIhwfFRQYGBkYFiAXBhsZFBcXGRwbJiYoJiEjKTU3NkNER0hVQEFER0JAREFEOD5AQUI6Ozc1JCYjHiscFx4aFhAeFhgSFhEVDxUUFhAdGQ4TGRkYFBYVFhUZGSEcHiMdHR8hICEiICUgHxgaFBsdGQ8WJR8fJCEbIis0LkpFQ1FLU1VMSUhPQ0w2S01ESERORUpCRkg1NjUkJRwiFhYdExYRHhYKEh0WFBgPERYdGBcXCxoXFQ8bHRslGSUoKSEpKhwmICUgJCAeGhIXIBMWEhMUFB4gGx8aJTQ1NkBKSk9NUlVYWFZVT05MRUpPVkpWVE5JTkM6QzksKCUkIB8gFhgXGxIRFRcbEw8YFhkQGRYUIBogFBwbFyUbMC44NS4vNDAoJiohJRseLCQdJhQTHxkEJRcfHCgsNzM4QUtHUl5dVk1XUlVgUVJZVUdXVlZSS1dTT0JHRz06LR8iIiAbIBIODhMbEh0THhQWGQ8bFREbFxIXFyMgHx8vNjc+RD0/QTw8Ly8yJyYiIh8bJRMcGhQVJSQfGS0oQD9FQElNUFZRW2BUX1ldWVxVUFZeUVtgW1dhWlhOT0U9NyMdICEZEAwYFhgQEBIVFxcRFBISEw0YFRggGhgZIDA3PkZFSUJRTU05QTo0LCUwJyoiHyAiHBUQHSYnJjc9QURIT1FUWFtZVFtaVGFiZVxZXFlVXl5da2RYVVRGRkY2OzUkHRogIyAXFhsWFBYVFRIUERgaEREUFCAaHx8bIjY8PEE9P05HU09OR0JCNDErIiMhHB0fGBYbKikmLzY9QUhOTFRaWGJcWltcYmhuaGVsZmRnYV9mYmJcWVVITkI3MS0fHxwbIRkgDxoYExMWDxYNDw0YERMZGxkgISkWKTc1RElNQUhNU1VSV1FHQ0AxLCQoJCEhHBgaKCUsOUVMS0VTVlZYT1RWW1taZGdsaW5samVgXF9gYWNYWk1VTUE7OiojGBkdGiAdFRENEwwVGxIZEBMZDhUUGxYdHS4pLTRMQUxCS0xVT1JRW1FLUUNLNjQuKSkgHBcZKRwoO0A9SVJWUlddYVlTY1teaXNmc25xbGhbXWVjYGNXVlJMREVBMi8hHRYTHhcgHBUTExMVEhMOHhMPEhwUHh4eFyAsJjtKRVhHQFBVV1djWV1TVkpKOTw1Li4qIhgdJTE9OT5ISE1UTFdeU15gW2hia3R9d3JuZmtvZl9mbGNkVFROPUI6KSQjIB4XHhIWGxYXEhIVFxYVDhsfFh0PICIiICYoNT5STlBJVVRYYGpiZFxZVVBWSEc7MS0tKSAlJS8qN0RKSE9SVlNqY15jcWRra3N9cHZuanBpZGNrcWhXVkpPSEIxJyUdJBwXFBwmGB8LFRMYDAwKGBMaEhwVFyAeJCYrL0VBSURQUVNZYFtsZGFYW2VXVVNIP0IrLS8eKTEsQDNDUlNLZF9mZWVsbGhjcHlve3VpcWxmZ2FoYFNVTFpOQTUzKSAeHCMcHw8WExQhDw8SFhoXFBoVFBEXGRMeGyksNT5GS09JWFdgXmVeZWBUWVtbVVJPSz43KSQmJyQxLjxBP1pRUGBcam5tZ2pkY21pbnBnb19kaltbVVtaUVNENi0tKB4oGx0UGRsaGREeDRMTGRUWHRUaEh0XFRskHR4rLjk4SEtXVldZY2BsamBcWF1dVFZQUT83My0jKzMnLTg9RU9QTWNiZmRbbXFva2hscnNuZWVlXF5YV1VQTkU6NSwpIiEYGxkWHxkXEBgYFxIRFyAREhwVFR8eFw0gIx4rKzo9P0VLU1RZWV9lZF1qX2BtaV9XVENDOTMnHy0vNjtESUhPTlpdYmpnXGdlaGl1ZG5tbWhcXFdUVVBJNjYvIionJRoZIBYbEhwfFBkZEhEUGx4WGxEaFhcWGhglFiktJTA6TkxUVlRUXFtac2Bha3RrcGhXVE9HMjczJystLT4/RE1OU1hWWWJcY2hqcm1pZmNwamVYXlZUSEI1MSsuHCEkIx8nIRUbGxAgGBsTEx0YHBUZDhkVHhwZDxsaHBsrJy0zS0xNTEtgW2Roc29acGt0aGRlWEtLTUA2NC83Nzk8QVBRVFdWVmFZZHFlamJiZGNmZmBRV0NBOTYvMzEnKSghGyIpIxcXIhoYFBoZGxkeFhwVGRYQGBYaJCEcHRwoJy00SERQWV5eZGVmZ3FyeG5saHBjW09WUUVGOD0xNjoyQEJITUlUVl1jZlFjYVhoYF5bTlRIPEQ4MygwJS0kJRspIxwbIyIdHB4dGhQOGxYRFxATFxITGBYcFRsYKBojKiwpRE5YXWNdYmBcY3F3c2tub2hoanBST1hFPkA9PDEzODRBTkxbT1hcW1RaXFxeXUpKSUdEMzooLSwmIyonLxscIiYcHiceHh0YIBgYFRYSFxMTGx0QERUaHRgWICYfJywyOUhPWF5eamFiZ3J5c3x4cnNnYltbWFNGPkdHSEtDQzs1PEBMU1JXU1ZeTk5LVUVBRT9FKzUoKh4sMiIgIhweJycfHCgfIxMcFR4YChwZFxkOGhUcGh8bGRQiHCAgIyAgLDxOVVFkamRhcnV1goKAf29qYmtXYlxPR0g9RURHPTJANDE9QkJPS0ZMU01AQzw7Ozc6Ny8tJyozGiYjJigoHCUhHhwnHCAbGxcLFRcYExkXGxMQGhEZGBcaIB0eGSMwLDhGSlFbYGRraHZufYGAfXNsaGlqY1lWPklEQUBJQ0RANTwzNDI3ODtIODk0OjsxNi8oNDUqMSklKicdJB4fICkaGxsaHxMfFxscDxYWCxETGRUZGA0KFQ0lFicZHR0xLis2QEJqYl9qaXFxcX15eWxnaXBuaVZYPktRPEI7PUBGOD40NS8zLjEwMjgsMi4wNjY5KywwLyUgIx4jIyEhIBseHxYWGxcgFx4dFRMZFxIQHBMZGxAQHxkcHhUcHCQgLSQ1O0NJUmFVYGtrcW1xY25oamxnYmNaSkVLQz5POUFBMzUzKiw6Ji02MjM0LygvNjoxKS0vJzUrLiktKCErHyQjHx4dIB8VIiIhFxgaHRkiHhUWGxcYFxocJCIWHCAqKSQsMjtLWltpaWFlZ3BxY3FkY2ldXl1dRVJDRzpBOzc+Mj0vMSomNS8zJi4zNjxJNzovNDYuMCsnMSgnKSAhJBklGiEWFiAnExwmGBshHRUaHBUUFxoaGxkaGBkXGSAoJCMsKzs+VFNpV2RoYWllcGxmaWZgWmFTPz5ER0RDQT07MTkxNC8qKyg0MDU9QERCTEdIRDkzLCMeLSYvLSYrIx0hIh8bGB8gGxUeFxoUHRMdExkRJBccGBgYIBogGhQnHyUoKyk6O0ZXXWZuYVxnZ2NpZmZfXF5POzhBPEJJSEg5MzQzLyclKygwLzo8Q1pXUFJVWks7LDEqLS8sKyUiNi0oJCIeICMnIRQlGyIYFyEiHxYYGg4aHgwbGRUcHyAcHiAeJSovNkVOXFhdWWJga2JoYmZnYFNhPUQ5TEpIREFCOCgvNDAvLi8wN0VNSFJeWVxQW1FEQDg2PDErLyszKjAlKCkiIyEjKh8jFiMWGxkaGRAVGRceFRUaHickHhsZHxweIiovJjM8RU1SXFxfXGNkYl1aYmJVPj1GQkU/PzhFMTAyLygqND8xOT1FSldVXFpiYFtRRD1AOzgzNzw+ODQxLDIuLC4kICUlIhgeFhIZGSEWJhgdFx8WGhshFyAjIiIhIR4uLS8vOTlGT1RWYFxgY1lgYFteQj9ISUZFSTtAPDcxLzI0LzM+SEtKVV5pZ19aXl9OVURIQz9EQEQ5P0NFP0E6OzI4MCgkJSAZHBwhFxUgHR4gGxcoHBkbHhoWHCEkICglIyg2KC0tPElYV2RXWlZhW1lZRko/P0hAQUNDLTcpKC0wOT9FRU1RX2ZmZ1pXWWVbVExMRkU+R0VHUU9NTUI8P0QzNjkvLh8mGRcfIB4XEB4QFxkfFh8gHRsaFRMnJxofIxshLycsOTtEQUdKTVBgVllXU0BJR0Q/RDM6ODMtKis8M0ZQS1JSW2RlX19nX1dOU1FVR0tJSUNES0lLSUpGSEo6PTApJykjKBsaHR8aGhofGBkVHBUYIRchHRkjHSEbJCMbKSklMigwN0NHUU9cWlZJSkg+REVFN0M+OyouODY7OT1QSVBVXGdnX2prY11XVlVRSlFVV01NTENOSkhAQ0JJPzw7NSolJh4nHBwWGxQfEg4bIRwTGRYWGB0gJCIhHRwnKiQoJCkvMDg7OERSSU5ISEY4TkBGPTo9NS0oLi83P0dMT1ViXWpgZG5YalVeWFpeVFdVVE1NUVZRT0VKVEpJPTU5MCwpJyYjGR8bICUZHxoZGRUkEx8WGhocISQdEispJxwlIScpNDEwNi4yPUBESUJAOjg/Mzc0KjAwMDkyRUZQVU9RXV9sYmxlZ1pTXGNiV09YXVJPS1dST0hKQk08SEI+MjckIiQpIygbIyQfFRkgHRcaHh0hHx0eFhYkFRwcISMoLygiLS4mLzY2Oz9GPTs6SjkvMDYsMTYtKiw1Pk1KVFRQWl1jYmJmXFpVVFllXF5TW1JjWlVRWFVLR0VLSj01QDguLyUcISUdGSMfJRYgGiMeGB8fHBkZDy0fHSAiHx0WIx8pITEpKzQ1LTM+PUc5PzIzMSwuLSk2KjU0REpRVk9SVlhWaF9bY19gVFRZXlxeWFtTXVhJUk5LR0hITUU1OyYiKiQxKh8kHyEcJR4iICYcGx4UIiAXFh8XGCQjGSEjIyAdHisjLjNDPT84NzcoLiMiKScsHyciJSk9PUhGSU5SU1BSXWNeaV9fXVdfWlFUVlVeV1tPUFFIVUg+SD41Nzo8LzQyNzMnJiQlGiEiHyobIhklGx4hGBgaHB8eGCAUHyMtGyEiJjE9NzJCJzsrKiglIiMbKR4rKCU2PUpOSkVQWVVPTVNeYmNdV1ZQUFFRVVteZmNVUFhIUkdGQElAPDw7NzQ9Nzo3NS0vJi0ZHiEfIhsgHR8fFyMfHBMbGh4dKyIdHyclKjk0MDJBJR8fHSEeJC0eJx8eISIzQURDSkpFUU5LS1RYWFFbWFRLU1JXXFhjX1RRUlVIR01FR0o/Pjw7QTcwLzo1LzExMykzLy0dIyUiJSgWHCcaGR4jEB0bJBwoISQtMTQtNDM/FiIXHyQnKB4iHSAvKCgpNDpBP0hKWFRIUVdhW1BSU0FWRk1OYVpkX15VT0tGREVDR0RCPzs/PTg5ODY1PDMxKzQwMCkwLSEgHBkbFhoaGRkUHyMXHyAiJxkaJyUuLzdDICAgHScdHhQdGSUjJx8qMi9CPjtRU0hGSldLVVJPRlBIQ05UXlxgYFxXS0lKR0RFPEM+PjtBOj45QT05OztBNTg3MCcuKiYiJhwhICUZGxgcHRodFiIkHCImIB4qNDk9GR8aHhUZJiEfFyYdJiInLS89M0BJQEdNTEhRUk5RSEJKRkpRUmNYW15ZXVdCRUc7TUlHQkI+RUFCOjouPEA3LjoyNzI0IScqIRweGR4XGxAbGyAfFxUcIyQlIiYuLC1AGxwaFh0SHRciIRcUIxwgJSUvNTpDQUdAPklMSUlDSkREQkFIWVNOTlBOWVRRSUNGREdIRDk5P0Q7QDRBOUAvNDY7MjQ6PislKysdGiEXIiYdHhQbFhgcJDAfHyEsLjZEFiIWFxkjIxQbISMYHiQjJS8sPTs3SkU7RjxGRkRJR0A/PzZBTExMVVRRVFpVRkJGRk9GOzdDOkdMQTlAOTc3PzU/OzI1PDItLiAhHh0iGB8WGxIeHRsdIBgjIyooKTU7ExgPFRsaHR4UFx4XIyEZGicqMTExPj1HOThAQkZCOzQ7PTlJOk9GSUpUUEtGSDxDPkc5QU9GPkA2QzxCO0c9Q0NGOT8zNz0sJiooHBwnHhwXFR8aEREjGCEkHygiLyxIFgoaFxsTFSMZGhkfFRQfESQhIy8xMi84OTgvOT8+MjowLD04Q01JTU9LR0RIQjtBREM4Pz49QTw+SDU/OjpCQ0tCQjs6NzQ2NiQqHx0cGRYVERQYIBkbFiEkLiMpLzZFEREcFx4UFw4gFRgZHBobHSEeIiYcMTE0Mys4MDM3Ky82PTs9RkZLQ0RIQ1A+Pjg3Ozw4PkBAP0hAQ0Q9PDdARURAOj87QDcqLi0pIxgcGBobICEbGx0cHCAcHDIsMDpCEhYVFhYeExsQIBUcFB4XGSoZJCskJjAtMi4tKSonMSYvOjZCOkBBSEI7QkFBOzo+Lzc5OzY+Pj8/NTZBPztFRU1LO0pEOS8wMDArJCQVGhscER8VHh8eICIaHCElKTo/GRMVExkRHBwTGRgYFRUdHBcdHBclJCUeKCQrMh8qIyckKzU8OkBCRD1FQzw1NDc5OTE2Qj5HSEFDPzlDPkM8SUlMTEJFPzczLjIhHyEYGyESHB4bFRkaGSAjHygnLTI7ExESGBsTGg8OExgkFRkfGxIjGh4hJSMtJh4hLiIfJikhMDE4Mjs8Qj0/Oz8+NSsoJCwxPDREOkY+OUE/Q0VMQk5GUUU5Rj0wMyYwJSkjIygWGBsaIhsiIiAeISYhLDE7FwoSEQ0fEBUXFxMTExYZGxsiHx4bIxscGx4fKCglIiEsJi03NjQ8ODU1OTgyKSkrLSI0MkE3PDpAPD5EPkdCUEZISUdCSTowLiUqKSAlGyUmHRccFhsaIRojISEdKS1ADBkREhISGhAaExURHxcLGxcdGhQVGBwqHSEeHyMeHSIjJSo2My4sMzRAMjUxGygxJDQvNjE3OERARktDRU9HQ0BESUM+Pj84KyQoLB8jHhwcGhYcIxcjIR8jJiYnMDIzFhUMGw8TFhQXGREXGwcVJCAXGBseDRobGB8ZGh4XGhggIBwdMCoyMDMwKSQkJy4gKyglMzY6OTZANDdCQz9HQEdHRUQ+NkUxNi8dISoqICEdHRwZISMYIiEjKCssKCk6GgsTFBUYFhgeEB4dFRMZIR4XGB0hFB4UGB4fFRcaFx4bHSUeJiQiJycmHB8hISEjJyolJS40PTY0MD1DPEFFS0dSPjk6OTwwMSkYLCIlHSMeHSAhHh0gIikYKCEpLS4vEQ0NCwgXGBEIFREZGBoOGQ8VGhkZGBMXHiQTGRkYFiEdHSMeHh8lISEcJR4cHyQdIh0iKCs0NDc2NkFFO0RDQ0ZESUJFOUA1LCkkMB4nJiAhKCwgLCgdHCAhIiUnJTEwCxQRFBQZFxkZEAgYEhYVDxYTGRASIhQaFiEZHB8ZJh8ZGxciFhkgIRscIR0aGB0gHCEiJCQzMDA2OkVAQENHRkdPS0BAOTc0KSgqMyYhKiYkIRwYJCUlHxsfJSIdLSYz";
  const RUNS = "0:89 1:7 0:88 1:8 0:88 1:8 0:88 1:8 0:88 1:8 0:89 1:7 0:89 1:7 0:90 1:6 0:90 1:6 0:90 1:6 0:92 1:4 0:94 1:2 0:2608 1:17 0:76 1:23 0:70 1:29 0:66 1:31 0:33 1:7 0:23 1:34 0:31 1:11 0:19 1:35 0:30 1:14 0:16 1:35 0:31 1:15 0:15 1:35 0:30 1:17 0:14 1:34 0:31 1:19 0:12 1:33 0:32 1:20 0:11 1:32 0:33 1:21 0:9 1:32 0:34 1:22 0:8 1:31 0:35 1:23 0:7 1:30 0:37 1:23 0:6 1:28 0:39 1:24 0:6 1:25 0:41 1:24 0:1 1:4 0:1 1:23 0:44 1:51 0:45 1:48 0:49 1:43 0:54 1:32 0:64 1:32 0:65 1:32 0:65 1:31 0:14 1:2 0:49 1:31 0:16 1:2 0:48 1:30 0:13 1:7 0:47 1:29 0:11 1:10 0:47 1:28 0:9 1:12 0:47 1:28 0:7 1:15 0:48 1:26 0:5 1:17 0:2 1:9 0:38 1:25 0:4 1:19 0:1 1:12 0:37 1:23 0:4 1:34 0:42 1:3 0:2 1:10 0:5 1:36 0:45 1:10 0:4 1:38 0:44 1:8 0:6 1:38 0:44 1:7 0:6 1:39 0:44 1:6 0:7 1:39 0:44 1:4 0:9 1:39 0:2 1:5 0:37 1:3 0:10 1:39 0:1 1:9 0:34 1:1 0:13 1:37 0:2 1:11 0:46 1:37 0:1 1:13 0:46 1:35 0:1 1:16 0:44 1:53 0:44 1:53 0:44 1:15 0:1 1:37 0:43 1:14 0:2 1:38 0:43 1:12 0:3 1:39 0:44 1:9 0:5 1:14 0:1 1:24 0:45 1:5 0:7 1:13 0:2 1:25 0:56 1:12 0:3 1:26 0:56 1:11 0:3 1:26 0:57 1:8 0:6 1:24 0:61 1:4 0:7 1:24 0:73 1:23 0:73 1:22 0:74 1:22 0:75 1:21 0:23";
  // patch: end

  const N = SIDE * SIDE, LEVELS = 256, SOFTNESS = 5, START = 140, END = 160, DARK = 255 / 120;
  const GREY = Uint8Array.from(atob(VALUES), (character) => character.charCodeAt(0));
  const TRUTH = new Uint8Array(N);
  RUNS.split(" ").reduce((at, run) => {
    const [label, length] = run.split(":").map(Number);
    TRUTH.fill(label, at, at + length);
    return at + length;
  }, 0);
  const RATES = [0.1, 0.2, 0.3, 0.5, 0.7, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 25, 30];
  const LOSSES = {
    cross: { name: "cross-entropy", top: 4, digits: 3 },
    squared: { name: "squared error", top: 0.8, digits: 4 },
    wrong: { name: "wrong pixels", top: 0.8, digits: 4 },
  };
  const TASKS = {
    free: "none, just play",
    fast: "least loss in at most ten steps",
    never: "a rate that never arrives",
    plateau: "leave the plateau in 20 steps",
  };

  /* How many pixels of each grey value, of nuclei and of background; all pixels, or those of a batch. */
  function count(pixels) {
    const counts = { inside: new Float64Array(LEVELS), outside: new Float64Array(LEVELS), total: pixels ? pixels.length : N };
    const add = (i) => { (TRUTH[i] ? counts.inside : counts.outside)[GREY[i]]++; };
    if (pixels) pixels.forEach(add); else for (let i = 0; i < N; i++) add(i);
    return counts;
  }

  /* What a pixel adds to the loss if its grey value lies this far on the right side of the threshold. */
  const PRICE = {
    cross: (d) => { const z = -d / SOFTNESS; return Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))); },
    squared: (d) => (1 / (1 + Math.exp(d / SOFTNESS))) ** 2,
  };
  const probability = (d) => 1 / (1 + Math.exp(-d / SOFTNESS));

  function mean(counts, term) {
    let sum = 0;
    for (let g = 0; g < LEVELS; g++) {
      if (counts.inside[g]) sum += counts.inside[g] * term(g, true);
      if (counts.outside[g]) sum += counts.outside[g] * term(g, false);
    }
    return sum / counts.total;
  }

  function lossAt(counts, loss, t) {
    if (loss === "wrong") return mean(counts, (g, inside) => (g > t !== inside ? 1 : 0));
    return mean(counts, (g, inside) => PRICE[loss](inside ? g - t : t - g));
  }

  /* How much the loss rises for each 100 grey values. Stairs are flat. */
  function slopeAt(counts, loss, t) {
    if (loss === "wrong") return 0;
    return 100 / SOFTNESS * mean(counts, (g, inside) => {
      const p = probability(g - t), pull = (inside ? 1 : 0) - p;
      return loss === "squared" ? 2 * pull * p * (1 - p) : pull;
    });
  }

  const ALL = count();
  const CURVES = Object.fromEntries(Object.keys(LOSSES).map((loss) => [
    loss, Array.from({ length: 4 * END + 1 }, (_, i) => lossAt(ALL, loss, i / 4)),
  ]));
  const BEST = Object.fromEntries(Object.entries(CURVES).map(([loss, curve]) => [loss, curve.indexOf(Math.min(...curve)) / 4]));

  class BallExplorer extends window.CourseExplorable {
    static label = "A ball on the loss curve, and the mask that follows";
    static help = "Drag the ball, or give it the focus and use the arrow keys (with Shift in tens). Then let it step by itself.";

    build() {
      const wide = "repeat(auto-fit, minmax(min(100%, 270px), 1fr))";
      this.stages.style.cssText = `flex: 1 1 100%; grid-template-columns: ${wide}; align-items: start;`;
      this.panel.style.cssText = `flex: 1 1 100%; grid-template-columns: ${wide}; column-gap: 24px;`;
      const [left, right, controls, results] = [this.stages, this.stages, this.panel, this.panel].map((parent) => {
        const column = window.CourseExplorable.make("div");
        column.style.cssText = "display: grid; gap: 10px; align-content: start; min-width: 0;";
        parent.append(column);
        return column;
      });
      this.picture = this.stage({ label: "", view: [0, SIDE, 0, SIDE], parent: left, draw: (c, s) => this.drawPicture(c, s) });
      this.text("key", left).textContent = "Blue: the mask, pixels brighter than the threshold. Dashed: outlines drawn by people.";
      this.numbers({ wrong: "wrong pixels, of all" }, left);
      this.curve = this.stage({
        label: "", view: [0, END, 4, 0], aspect: 1.45, parent: right, draw: (c, s) => this.drawCurve(c, s),
      });
      this.handle(this.curve, {
        name: "ball", label: "ball: threshold", colour: "vermilion", range: [0, END],
        where: () => [clamp(this.t, 0, END), clamp(this.loss, 0, this.top * 0.99)],
        now: () => Math.round(clamp(this.t, 0, END)), value: () => `threshold ${number(this.t, 1)}, loss ${this.loss.toFixed(3)}`,
        drag: (x) => this.put(clamp(x, 0, END)), keys: (dx, dy) => this.put(clamp(Math.round(this.t) + dx + dy, 0, END)),
      });
      this.key = this.text("key", right);
      this.history = this.stage({ label: "", view: [0, 20, 4, 0], aspect: 4, parent: right, draw: (c, s) => this.drawHistory(c, s) });
      this.text("key", right).textContent = "The loss over all pixels after each step.";

      this.rate = this.slider({
        name: "rate", label: "learning rate", min: 0, max: RATES.length - 1, format: (i) => number(RATES[i], RATES[i] < 1 ? 1 : 0),
        change: () => {}, parent: controls,
      });
      const row = this.row(controls);
      this.button({ name: "step", label: "Step", main: true, click: () => { this.stop(); this.step(); }, parent: row });
      this.button({ name: "roll", label: "Roll", click: () => this.roll(), parent: row });
      this.button({ name: "again", label: `Back to ${START}`, click: () => { this.stop(); this.restart(START); }, parent: row });
      this.kind = this.choice({
        name: "loss", label: "Loss", options: Object.fromEntries(Object.entries(LOSSES).map(([key, loss]) => [key, loss.name])),
        change: () => { this.stop(); this.restart(this.t); }, parent: controls,
      });
      this.size = this.select({
        name: "batch", label: "batch: pixels looked at for one step", parent: controls,
        options: { [N]: "all 9,216", 96: "96, drawn by lot", 8: "8, drawn by lot" }, change: () => { this.stop(); this.restart(this.t); },
      });
      this.task = this.select({ name: "task", label: "task", options: TASKS, change: (task) => this.begin(task), parent: controls });
      this.numbers({
        threshold: "threshold", loss: "loss", slope: "slope for 100 grey values", move: "next step",
        steps: "steps", epochs: "epochs",
      }, results);
      this.note = this.text("note", results);
    }

    reset() {
      this.kind.value = "cross";
      this.size.value = String(N);
      this.task.value = "free";
      this.rate.value = RATES.indexOf(3);
      this.restart(START);
    }

    /* A task begins at the same place for everybody. */
    begin(task) {
      this.stop();
      this.size.value = String(N);
      this.kind.value = task === "plateau" ? "squared" : "cross";
      if (task === "plateau") this.rate.value = RATES.indexOf(5);
      this.restart(START);
    }

    restart(t) {
      this.t = t;
      this.way = [];
      this.seen = 0;
      this.epoch = -1;
      this.draw();
    }

    /* The reader moved the ball. In a task it stays where the task has put it. */
    put(t) {
      this.stop();
      if (this.task.value === "free") this.restart(t);
    }

    get batchSize() { return Number(this.size.value); }

    /* The pixels for the next step: all, or the next ones of an order drawn anew for each epoch. */
    draw() {
      const size = this.batchSize;
      if (size === N) { this.batch = null; this.counts = ALL; return; }
      const epoch = Math.floor(this.seen / N);
      if (epoch !== this.epoch) {
        const { uniform } = random(11 + epoch);
        this.epoch = epoch;
        this.order = Array.from({ length: N }, (_, i) => i);
        for (let i = N - 1; i > 0; i--) {
          const j = Math.floor(uniform() * (i + 1));
          [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
        }
      }
      this.batch = this.order.slice(this.seen % N, this.seen % N + size);
      this.counts = count(this.batch);
    }

    get loss() { return lossAt(ALL, this.kind.value, this.t); }
    get slope() { return slopeAt(this.counts, this.kind.value, this.t); }
    get move() { return -RATES[this.rate.value] * this.slope; }
    get top() { return LOSSES[this.kind.value].top; }

    step() {
      this.way.push([this.t, this.loss]);
      this.t += this.move;
      this.seen += this.batchSize;
      this.draw();
    }

    roll() {
      let left = this.batchSize === N ? 40 : 96;
      this.run(() => { this.step(); return --left > 0; }, this.batchSize === N ? 130 : 40);
    }

    update() {
      const kind = this.kind.value, { loss, slope, move } = this, { digits, name } = LOSSES[kind];
      const wrong = lossAt(ALL, "wrong", this.t), steps = this.way.length;
      this.curve.view = [0, END, this.top, -0.1 * this.top]; // room for the numbers below
      this.history.view = [0, Math.max(20, steps), 1.1 * this.top, -0.3 * this.top];
      this.show("threshold", number(this.t, 1));
      this.show("loss", loss.toFixed(digits));
      this.show("slope", number(slope, 2));
      this.show("move", number(move, 1));
      this.show("steps", steps);
      this.show("epochs", (this.seen / N).toFixed(2));
      this.show("wrong", `${(100 * wrong).toFixed(1)} %`);
      this.key.textContent = `Curve: ${name} for every threshold. `
        + (kind === "wrong" ? "It is a staircase: no slope, no step." : "Arrow: the next step, against the slope. Rings: where the ball was.")
        + (this.batch ? " Dashed: the same for this batch alone, whose slope is used." : "");
      this.note.textContent = this.task.value === "free" ? this.remark(slope, move) : this.judgement();
      this.picture.label = `Seven nuclei with the mask of all pixels brighter than ${number(this.t, 1)}; ${(100 * wrong).toFixed(1)} % of the pixels are wrong.`;
      this.curve.label = `Loss (${name}) against the threshold, lowest at ${number(BEST[kind], 1)}; the ball lies at ${number(this.t, 1)}.`;
      this.history.label = `Loss after each of ${steps} steps, now ${loss.toFixed(digits)}.`;
      this.say(`Step ${steps}: threshold ${number(this.t, 1)}, loss ${loss.toFixed(digits)}. ${this.note.textContent}`);
    }

    remark(slope, move) {
      const kind = this.kind.value;
      if (kind === "wrong") return "A staircase has no slope. Nothing says which way is down, so the ball stays where it is.";
      if (this.t < 0 || this.t > END) return `The ball has left the picture: the threshold is ${number(this.t, 1)}. It jumped too far.`;
      if (Math.abs(this.t - BEST[kind]) < 1) return "The ball lies at the bottom of the valley: no other threshold has a smaller loss.";
      if (Math.abs(move) < 0.5 && Math.abs(slope) < 0.1) return "A plateau: hardly any slope, so hardly any step. And yet the mask is all wrong.";
      const over = (this.t + move - BEST[kind]) * (this.t - BEST[kind]) < 0;
      const way = `The loss ${slope > 0 ? "rises" : "falls"} to the right, so the next step goes ${Math.abs(move).toFixed(1)} grey values to the ${move > 0 ? "right" : "left"}`;
      return `${way}${over && !this.batch ? ", over the bottom of the valley" : ""}.`;
    }

    /* Would the ball come to rest if it went on like this for very long? */
    arrives() {
      let t = this.t, strayed = 0;
      for (let i = 0; i < 3000; i++) {
        t -= RATES[this.rate.value] * slopeAt(ALL, "cross", t);
        if (i >= 2900) strayed = Math.max(strayed, Math.abs(t - BEST.cross));
      }
      return strayed < 1;
    }

    judgement() {
      const steps = this.way.length, rate = number(RATES[this.rate.value], RATES[this.rate.value] < 1 ? 1 : 0);
      const kind = this.kind.value, far = Math.abs(this.t - BEST[kind]);
      const again = `Choose anew and press “Back to ${START}”.`;
      if (this.task.value === "fast") {
        if (kind !== "cross" || this.batch) return "This task is about the cross-entropy and all pixels: choose them again.";
        const best = CURVES.cross[4 * BEST.cross];
        if (steps <= 10 && this.loss < best + 0.001) return `Solved in ${steps} steps: loss ${this.loss.toFixed(3)}, and no threshold has less.`;
        return steps > 10 ? `More than ten steps. ${again}` : `Choose a rate, then step. ${10 - steps} steps left; the loss should be ${best.toFixed(3)}.`;
      }
      if (this.task.value === "never") {
        if (kind !== "cross" || this.batch) return "This task is about the cross-entropy and all pixels: choose them again.";
        if (steps < 40) return `Choose a rate and roll; after 40 steps we look where the ball has been. ${40 - steps} to go.`;
        if (!this.arrives()) return `Solved: with the rate ${rate} it jumps from one side of the valley to the other, and we let it go on for 3,000 steps: it never arrives.`;
        return far > 1 ? `Not there yet, but it will arrive: we let it go on. ${again}` : `It arrives. ${again}`;
      }
      if (far < 1 && kind !== "wrong" && steps <= 20) return `Solved in ${steps} steps with the ${LOSSES[kind].name} as loss and the rate ${rate}.`;
      if (steps > 20) return `More than 20 steps, and ${number(far, 0)} grey values from the bottom. ${again}`;
      return `The mask is empty, the loss is high, and there is hardly a slope. What can be changed? ${20 - steps} steps left.`;
    }

    drawPicture(context, stage) {
      this.small ??= Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
      const small = this.small.getContext("2d"), pixels = small.createImageData(SIDE, SIDE);
      for (let i = 0; i < N; i++) {
        const v = 255 * clamp(GREY[i] * DARK / 255, 0, 1) ** 0.7, tint = GREY[i] > this.t ? 0.45 : 0;
        [0, 114, 255].forEach((c, k) => { pixels.data[4 * i + k] = (1 - tint) * v + tint * c; });
        pixels.data[4 * i + 3] = 255;
      }
      small.putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.small, 0, 0, stage.width, stage.height);
      this.outline(context, stage.width / SIDE);
      if (!this.batch) return;
      context.lineWidth = 1.5;
      context.strokeStyle = "#E69F00";
      for (const i of this.batch) {
        const size = Math.max(stage.width / SIDE, 4);
        context.strokeRect(stage.x(i % SIDE + 0.5) - size / 2, stage.y(Math.floor(i / SIDE) + 0.5) - size / 2, size, size);
      }
    }

    /* Edges between nuclei and background; straight runs are drawn as one line, so that dashes are seen. */
    outline(context, unit) {
      const at = (y, x) => (y < 0 || x < 0 || y >= SIDE || x >= SIDE ? 0 : TRUTH[y * SIDE + x]);
      context.strokeStyle = "#F0E442";
      context.lineWidth = 1.6;
      context.setLineDash([4, 3]);
      context.beginPath();
      for (const turn of [false, true]) {
        const place = (a, b) => (turn ? at(b, a) : at(a, b));
        for (let a = 0; a <= SIDE; a++) {
          for (let b = 0, start = -1; b <= SIDE; b++) {
            const edge = b < SIDE && place(a - 1, b) !== place(a, b);
            if (edge && start < 0) start = b;
            if (!edge && start >= 0) {
              const ends = [[a * unit, start * unit], [a * unit, b * unit]].map(([y, x]) => (turn ? [y, x] : [x, y]));
              context.moveTo(...ends[0]);
              context.lineTo(...ends[1]);
              start = -1;
            }
          }
        }
      }
      context.stroke();
      context.setLineDash([]);
    }

    line(context, stage, points, colour, dashes = [], width = 2.5) {
      context.strokeStyle = this.colour(colour);
      context.lineWidth = width;
      context.setLineDash(dashes);
      context.beginPath();
      for (const [x, y] of points) context.lineTo(stage.x(x), stage.y(y));
      context.stroke();
      context.setLineDash([]);
    }

    axes(context, stage, ticks, word) {
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, stage.width, stage.height);
      context.fillStyle = this.colour("muted");
      context.font = "12px system-ui, sans-serif";
      context.textAlign = "center";
      for (const tick of ticks) context.fillText(tick, stage.x(tick), stage.height - 5);
      context.fillText(word, stage.width / 2, 14);
    }

    drawCurve(context, stage) {
      const kind = this.kind.value;
      this.axes(context, stage, [20, 40, 60, 80, 100, 120, 140], "loss (up), threshold (across)");
      if (this.batch) {
        const points = Array.from({ length: END / 2 + 1 }, (_, i) => [2 * i, lossAt(this.counts, kind, 2 * i)]);
        this.line(context, stage, points, "orange", [6, 5], 2);
      }
      this.line(context, stage, CURVES[kind].map((loss, i) => [i / 4, loss]), "blue");
      context.lineWidth = 1.5;
      context.strokeStyle = this.colour("ink");
      for (const [t, loss] of this.way.slice(-40)) {
        context.beginPath();
        context.arc(stage.x(clamp(t, 0, END)), stage.y(Math.min(loss, this.top)), 4, 0, 2 * Math.PI);
        context.stroke();
      }
      this.arrow(context, stage);
    }

    /* The next step: along the axis, from the ball to where it will be; cut off where the picture ends. */
    arrow(context, stage) {
      const from = clamp(this.t, 0, END), to = clamp(this.t + this.move, 0, END);
      const y = stage.y(clamp(this.loss, 0, this.top * 0.99)), [x0, x1] = [stage.x(from), stage.x(to)];
      if (Math.abs(x1 - x0) < 2) return;
      const back = Math.sign(x1 - x0) * Math.min(10, Math.abs(x1 - x0));
      context.strokeStyle = context.fillStyle = this.colour("vermilion");
      context.lineWidth = 3.5;
      context.beginPath();
      context.moveTo(x0, y);
      context.lineTo(x1 - back * 0.6, y);
      context.stroke();
      context.beginPath();
      context.moveTo(x1, y);
      context.lineTo(x1 - back, y - 7);
      context.lineTo(x1 - back, y + 7);
      context.fill();
    }

    drawHistory(context, stage) {
      const points = [...this.way.map(([, loss]) => loss), this.loss].map((loss, i) => [i, Math.min(loss, this.top)]);
      const end = stage.view[1];
      this.axes(context, stage, [0.25, 0.5, 0.75].map((share) => Math.round(share * end)), "loss (up), step (across)");
      this.line(context, stage, points, "vermilion", [], 2);
      context.fillStyle = this.colour("vermilion");
      for (const [step, loss] of points.length > 60 ? points.slice(-1) : points) {
        context.beginPath();
        context.arc(stage.x(step), stage.y(loss), 3, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }

  define("ball-explorer", BallExplorer);
})();
