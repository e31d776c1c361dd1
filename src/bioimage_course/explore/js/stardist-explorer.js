/* <stardist-explorer>: radial distances of a nucleus, and non-maximum suppression (Schmidt et al. 2018,
 * https://doi.org/10.1007/978-3-030-00934-2_30). Needs base.js before it.
 *
 * The picture is a part of StarDist's example image img2d.tif, with its annotation mask2d.tif:
 * Copyright (c) 2018-2025, Uwe Schmidt, Martin Weigert. All rights reserved. BSD 3-Clause License, see
 * LICENSE-stardist.txt in this folder.
 *
 * @name stardist
 * @about Radial distances of a nucleus, and non-maximum suppression of candidates (chapter 11).
 * @modes distances suppression
 * @poster fill rays 16
 * @poster check mode-suppression; click step 4 */
(() => {
  "use strict";
  const { define, random, number, clamp } = window.CourseExplorable;

  // patch: begin (written by `python -m coursebook.explorable_data`)
  const SIDE = 96;
  const PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAGAAAABgCAAAAADH8yjkAAAbcElEQVR42l3RZ48t2Xme4ZVr1apctWuHjifOzJkhNSQhCYaCvxH+w4YN2IAMkTYJi2IQh8OZObFPn+7evXPltJK/GIbM+we8F/C8cHU1vU2udTp+nAVFXE+XJ1EwoUWTlP751PHGJ8n9QB4+awR6LdMhedw+OYR77L9/drvUrE8eb36yeq+jZru6fQEO5+84eDnUYMKY3znLP1H88p6fOXWojgzBTopqPYnziAb6OHw+tZdaRRFDuc3hkY16QofL3WD1edMGXSjgaeGuuff0ZgBDeUPyb1c4HTgkoNSgffeiuEQ14Dh/kX70PPFacj3b313k+OLW71nvp4FcXLrzeUQ943kUP+XdJG3rcmjwcNCCskFfynIVjIjcnQUY0C18Xoxtc6ZO8/bmOR73yX3eBXix91M5++HmVbwrxWfEzoaMODcXNsyYAC4VVyrwAPAn0CvlVOfUOfWRQz2yfn158T9R+MbZd9Y/L779iaZYSR72p7Rl3Zkzuec3jvd4jv3MbpwxWq2++XJWQ+uWLiR3f+VxR549E4vVE2fGRWR9f/TPGHKWY+OstiCHxSzAZeWo8yH/NbzUPeftomvjA/jGk85Ep52EbivdEeHnm3We/xN/WB4BagNUkpNDZ5s2x9fz54voGtk4Ia6AWluEpb27iTx5+uLxVscbHx3pt/Pw9FWI358H3714n51/f//Mzaes6mviKcg3x9zieOV3cWOXFNHj0hLXRqz23Fic58+9aYEACbhPPALZIA8+GiCtbdxtztXxOWQakpzh71IzLzt1TNGJXeUUm2/TdqX2r94cnhaE4peOACB8gu5zJMK2UoIQ/xZcPVle5/RiDkngaswQc2Gks9Pg1ACBDhcFErqa4X18Mb690L26PV48vp3Tm6/WXvu7f4ht5SscktMXt2fYTfbZmodEnhY3ztimmbYySbPghTc5ITRuwEIfKSLA3rRK1B6hh7P9pSvvOMdN2gCi9k1gz7Jf4Z+C6tU0Dh6AR+0i//guuECnLf5ru/vu2WgIdoLLX2fR6Nxl6YiyMAAzzKBgEAGgh1FZzRRpXbVWUfnBqZ88zNm2DD6giS+7dWBZAIPN1TvaIK5vzIv3nnYXkIx/+gJfznx7sSlFcNN5cw3PCpKtF+r8HPqxsB6EAAAAJwrFtGETaY6LqSM+EWNedIOLsoGMuHP9zim5sxUX3r98raaZv7tiXedi8Ku/mzBTvC8Bd23/7GNezKpzQHrvijCXI0QZAQAAM8ByxNWw7rugb75/ro8Tf4+48+lL8+cfk84Ri6Puz1bbYNrpC1lEwY13QvfBVC1S4OPPgcQIPd0epL84OjY+6QgxlCQen2wuGQBATwq2Uw9qzczQj9fvB9DSLjD1wm5n5f0bulB6SQd0SJDPdnMZtN1qS/HMM+bubI+fF8Hj6uBL77yZlBTC6nDy288eLWAd0AIBoB2i3HEszND0ndtVq1H4GpwuSauEGuZfZgyvE/w4QJT8uZ/tZPbawzOEan/4Ha9znKDQeQT1ajOI07WrtYBBFxMejAQ7HeYOAFATZ6xx1ytE6Ke2GwD9SFXwBwj0DJTBiT2IDf90Vc9rZ0uTKcKBTu/Q0qbqR8tS4cdrpmZpVNEznIsBMJTLzJAq90CwCWdslMMA2tqCfeF0XVuXDffwhxhnsHU7RPYQZuUfwNkHOKkTE8vAooOlp2xB5cPNGwfMzvB/ao+7EAAstZE+ihExcNKpdmCNnlZwAKM7jB7qR4nen6g2aDhVPzy5M79O3z7zjfntBWJ0ZnnhOM/fBY+iO/jTMTQ7OB6j57yJ8Rv8qtSfUVknZrhsjEJ2Y3jv65T1bvLALdeioYr3Ur8rS0NHsNnn3dnQZSx8LrFf/diF/5w8JbW/MyginKIQkZl1rg7w+BJU09SvcZ3T6DXuMqZigDOoV0hRwdAhnxrOFZO9sE57UrdH2pDp4QjSO1MVi8kvybRH6TRtos8eTGrkWSv+vOR0eltkdIJ7jwSdIIt/+Sn++8jaGZi1JI7vU9RfbaxNegVC0AQAIm6ZARr0686ZjAZTp5pddses2wvUUh210SHoT/BouXp/xkN94/SL3z7rOXYnjXt+l6d4McImqR6fBMgNQjYbL+jFhCKFPRv7Ha7G0e3r9R61w5bvj+qogNxrl/1hVQWFm7afABucxfrC4GTGB4v3z9IdPlFl6/xTa20R7vEivU/P6yRMav4YX0jCPATCfrlDHPbGIliout7uOvhBgMpTZnDeBblNxsr+QvSD9NffvVSmcHT5+TiwX5G4kHp2KWwypXr1+DAtNpj3X/m1Wd1Oc56LuAzyZjlwb3JNMgZO77buWNYKsS6Yjt1pP9pyd73f8s3z0yJ7+n3ooetx4LOOp98Qzd1Z0O7xin4Id6J8dmisG7b4ifdn37k+JMUVgRcBPS+p9S3bTw5o9Yg+wspMUpajvGXN4yPFaxbo648MPsxi9uHDQsz/7eUWPwS3y3Q/ER58mEEvPPQDEupu9x+CZOvi6+Pzhu227is186TLmA/F3jdJyWCFqnq2ZzUcqhjVuJya29XOI8bZpyyx4gffWXDbn3W78cLTU+L0fXG/6K7vQ0X9oPs9jOF+Ckb8Zez7VR6dw4RPoQdN4HHWxKcUU4D3cRlURrL0phn6atDJZnTf0VZx2z9vljZ8z0d31NFcj0F+T7whmyHnJrXfPv1fGfgakBxvwgE/6VunEZbPhUMiyo1ntFNSgIORlH41DL1Su/1uLBt9IJsgiAeX38b/+erbpr/8xKmr8IVy/2k12g7t2tkpmKYbO+/P8Zvm8y29f+lQ/JWTkNkp9hsYaZfLGStHQTCgieKDqqSpppPCTjHgllHK+8k3u2t16ZHTjP2Pl3eX5vGi2YXZ1rx4fV56Zuxc71pe3D0Nq/LV+jDDn/AFvLt6DPN4JizI7Alb5CqEGe8QtuUgevdogTxQi/F8GnRokKseZbf02T9fgV4xTFosnbzNEFPLX0C6LOdtMOKmo9Tdn+3KAD/lTnvmug4059Bp4tW3Jkx7x0xET5ixPt171lYx7xCorR3Loe/fRPHn73dzVxnzY27vkvSYw5KAm6x6KVNLdimh6Ybl4X97AVb+gC/SInqbEG4dErhzee/7TBvfhFMXNLUtuoMl9VX5++D8OHLEYT2+/zI4qocnFSnmfYuwg4+sHM8WI92n/PCQ1+28BeJjVbqX4/K/6nP80yPpe8i4YyMlpjZsQ0/7So8n1RmNOkA37smpv9Afnm6YPmrPCdUQUXF6Ut+tgBsS9/hVcXt5msn7p49s2Zrl2yQeDvp5gKpenhGM46f1ZYI8i5ZTLE/UJFAhchRIjLBx5FBXl4XQlWomPVPWqDHcVrONSDqCebuAe3orW5oU/vc+Wk/oIb1ov+xawHzzy79p1i1ZdHhFDsL4HKImpHVEBibbobS2HfXd/EDKJj2E05DGJY/7w9kRS8Se3j4r4UOCfdFpPMp0XXpPe+Cxu/4KZBP/HaFKmM0VPmLIZjs8xcGWMqnTDAChjsnguEOwM3gY0Qlvp3a0hUvYd5khRbR2RZGdkXT3tar5XgOs60VcpC9Idffsw/of54p0ZP1ZjJI/RrA9ONm8UCH+xw+Z5EPOcC95PZ5iLSYRA2JNE4FdIl2O3MexoU52io8LJFTpPor5n4MGzmgVAHJ3jmidHcTBef54NEWa+u0Ej0508xNRrzOIJ/xifj+z6U5Pi+gBCOhYNOlxkJOl9X7YlP1p8Tpbymx0naz3EHahwfCHJyyi7w709dPIfkA+2/l0PnOOfvdsEL96VfiBapd3+3AxBjnAM63yBmVkHR4NwWwMpTS7nt9bYyrbuTeoyfmD1yXqjjiOkzqeCoZrPrYimV/u/D89n+48q0xkhtHx9cVm/fXUzNrYfVzSVjx64iP+HM5OKNo++rlVCmvEarDP26nVm1ut3pgY0Kq1IzKtM51npUvcWazihmCuxzZ2nWKOxVSfcySsv04eTl8N8qzxBhKzsTkwDBr8s514cylngV8fcm9re9QAtrGdupebtJijqjFk8j49K67lpQuuUzCHiWCXfSpn0CGT49iLMT0bJ6Zx0kw4GZH8YzgKNZSBWgV1t4A/H3qfAi2Wgz+ITmT3iANvIwb/KB6uzF130a6vkAnRkhOYTcAJ1FF6TZff9+OexB9X+yY8CJN36dT4hhWkRuC0bKV/enf1QzA8KzGZU1e0cSzb2rsLdn1H4bvla0wasx/tp1xq+8MSydSG80SUPlCemRLjzSKRFdC9D2VDTzO3WUyRdXXg2HTRiKzYGXW8sDmD0Sf8c1Bhhbh581mDCGn6cRxcYklf8sVx8HvPONfE8Vx1nUEc+Svqc6FCmLYuZrzlNWryIcgzBNSF6/iKcEthE/7m79ZjfOhS7TPMVVTrUQHtj3UfjmxpXHKIbEvpb2DKmfOO2EyU6CzSp8T3hWf8k5yEXO4awCqikT+E3jBG9mUHxHoWsGOggXv1J+52VTwrGw//jHM4V5o4UuO4cNkpODiEjQIfuDv2FXD1x3Tv4sTLY3fwLQ+7HhMG7QjsgYyrrScqSHxfuDJ1F7az1tFTjbyOGkpPVEXYc1s89E7uhK5EzuDTgbp32R6y+xfKR1SDOKCJEstc+yb0I0WLoJ+7FDlUhv1BedM0sM/87pI61qKjcEQvnN6tZRMEhfh0XeAvSD28rNxy+GSjznUmPo3NeWecfjFAfjti4KWlVbHvwli7bPDKXmTCRyYgsNWTGXTALrHPxkbouOeV7c6P7alvpUvseLraKvx5LWRNdG5zU8z0EJCw4WpzXY0dHqXmC0QGFBuyGp0VE4NfM6QpIRCOoJFGNQ5ycsc0DKc134g6IrHqdTK+farGKQeGU/w3jMCceKxZeGbe5DunJdL1AfFM79VBkdPjiPEucM79fRoSZdsy1bIZ+tJFpJhGkiiP+XOtKIEEYdRhc4CBDG/TemSukRT/7dskW7sGx+MprhyXBqQhMjAC9rNwEmGraNpFRFAQuR0fBqbOaiKlpbStbk2haiLmFIDhDA4IjbFa9lDnTbXDjbvzpv+eQZz8cHkb1akIJGUIstJ14/AYPtB63slgHE3pwx5zA7k0lI2wGcDRYeqIgR4eW7sAjmeNDcmwM15tInZI9Ag2bTFTqJXhhbzFP3mhz4mID8mUdEKHSwPYiegFlKhGDXSNWzfPjofnLZyGgNLNIErLwIS69m3TWDi5XhZxbmM0ZC1Ak9JTr8C9cuEkw0mPgOJXTTYRWGWeo+PMT/tVpBNjsQSEOLeXtuvorODzeqIsCpsSyBHt+tYc6+9VB3octdwSKH1QSahdv6XBqOBwF8MttISsQ/oM/4zLoE7x0reLPIouz/OJ04tEAi5UnUIdqriZ1fXchaOkg+orNdRlX21Q7Z00o3KhyOQNVA20W/V9oBu7oyegbqOTUbf5qAy+3pXXkzvj8RdPZrOvs7PPFsICa+KedZ4ctAgrjMqzCcnUVKw0jSPbFuxmFWp97DQRj7DnIASYqDXgFWCgRzvTznfMcUG0POT4JxE04Rgvvzj/arZcpbGTAOFnCm1z3EFmmgE+iBzEk5B+SkMBssa3xt961piB1mTFemWYHcEEwnbylTqgY7fNjtOEKiuLjuMfx1rYdDG7+swTLgAAgGi52u3ovOmkdRjfzzymnTpnGUJOhM8Q1B5ghe/UMwct3CLXXjgxUvd5F/Z12zM41o4qPRKUgB6++Ff8RLjDpWu98zPw/0JuFNWjANNYW5lvVtEE4pA5OfVdZyAZmyCmOaFl0mWs9mqEFcLultK+Im5ZI2A1PSWbNEB6n+Knrom5enr5t+Df5frKQQcl7MpHxxCPA5+JgAeLQZjDzJJUmiXUxl3ANuPQgVThyfTuAU1kPe+L8dO7/JEMcJT5Nz/CP98ANk+Cr5J/DwCKW9ICjeTHSM55GVP3c5qOBvIiiDogBHZ66nKIHYsdEGyplAxAzzQRaR62BC+PsSVjCx8uOf4ycj2Fz17x/w8APDbicLQe6mZ9u8LnZ36GRCuI5wx83ri1AH2O/MAA6eJ90ktx5NBaNdT9Y15MkzUakiqzyQGRgSPQ0gj8RTZk/llWuf7oJGPq+hSO1leDAyKhluisw2IQyHptCMwSUHcMC0ALqttT1MkjLbCQ9dUvp50mpCPKEVqRvwC4U+e6iaVy0BjldNYgJUg378nK8g90cigbiDtWUTszjZasqzPZMtuBQQB89XYOdFWlT7Yc4FcAdV7gzAH7CwFivR30Y4Rdf57JEHZmQQUyDiQgzIZpdCjdxRhpRZsKoQo3mvUP5COY6j4KDqgNkEv5ykcGDL6U99+97/9yJIcJgqPROQCXXrOQAxDmGIl40i7GTuAKuGSWRzsg5/RENS2B5R8EGWX0YQsGTVkBPn8D8DPpGYiB3pz+8g/ydD8MlnRhnAM/cqsLQW1AQ2OA2/TSEqKNPEmMToCWfu9P5k6Xc7M1QYN12MXF2u+PFcF/DyJNTDcgWwUUwX8HmLc72qyFRqG57HtDURoRSd3aV1qivaVK9jY4mg6qAk+Sd7C6jx/Wl0zdyaYLt8iz1D6R+JXTYachmIF++9iCnRH/937/6X4LWoQ5njIPjq7vU1p6tUM7ho0mlhwhUh/zB9GMqgd1p++oOekGvFtvuy/t+puXJ4jqDwn++7eidRzmFeDTNE7r7jijAAAgX7/ZPqra0cPYJrl2EiACSMuOGWux5rrucB/2tTmZWhoNJ1DJ46HvyG50Y5qWYeRXeMlqt8HPrDta/mmEMhy8fhr5qQH28c12cxqHkr5FqeF2sDUnHOoBoBFJqVjVSQilA6a6Re3IKjVszQGhbdGvHgF2zsEo9vV5X4m8xb5O2uLqwKxEDR0aoAU73b5f23sw1sR2CMouwpx31scjsQpqXoxTW1A09uNU9p+GttuDbkBHVn/0zrPadfnjuF0PybmomU0G/HPRJ36lLlvtKUhgp/bNdihxyysBJuXlrYXOg9QesSE1ik8QDt5AUM3qge+LMq8K9+hKO45/4FE2PMbTzrNddz3q5t5GrJ3hHz2E4dT0tQMVbY00wB9axRritbrDyB0po0dGEe1IPYABkHFwS9OjFgSmALvkU/chb8pueGy+YH3VhPvi+pFbR14fwVlPXssDvsiSD10AcN7V1JvaTKEjjW5pOA1IR6xsMaC9ygcJQy2LYDNM9mCaEeBSajyg96riNpDjgKp+qukI7WiNtSpY63WVKBRF+EklmOa+97iCYD542sdkNcxh8SmFesR42ZN12qPTtUKDgmoEPT9YTIe28uEdNgcmabMLWTskeX1e0D1zP/r2oJ38B/DEIUi3+CWSLC0GHdzNtGnjkZNYrVQ9CwoHkxoenAkMCK7GMLKRRZaPikowdjhsDwO4Begw+g91j6b74HXYuOX9XIS3EW8iTY1f3TkOfvXam9rOqz2MXDIiKpxJKgpHQUZoXAR1KKcuZq3ueast7CEb+AQgmRpk5KYemdR0445+ODAGRrKcEHCe/JcfS8sVqjKY4cQ8gXLOLbYg8yMQCtouHqhnETdGKtS4snRtgeME1tIaB/daKjk6LcRqV/aV/2C2Xk172Z4f7yIs41t/7A9ZE5Y0VlM+vsPPnGrkRVrO0QQDPR+wSk54TUy+Y9IAh+EOnhT1ZWWWytLag/mQKdo6fX9so8YrehAefeFM6W+MOy/mHy7fJtPRer98NsGPqb/OceZRlp3AWU1W3hQSTbWy2tPmLtasF6oz+66c1OiYWVdwXiFUOm0pRettSLUdajKMFKkGkfX1mLXeJvz1P+wSc3yRRo1+3v3J/Qz/WBT+7SxyimfAs5MTGy0KOBk+qwpjal8d8YFCwcpI9oo6yhqmoQ46cOgPO6VZ0dpfosXHE0Y7/awblTzfZ8Hu8zVmo2tuz4O3+Mmnv0LDGR6uB1rO04qW8VDkDNXiwbFNuHMfsykaAFXuyXedSQgNG02HcaumyWvYg39QXwHt04+fn+mTdzc5IDd33m/Otyf5Kf+3n/UufgUMM0U3zl2G3cw4who+WjRWi1rLwK49X95hvfEeAhsqbpVTIxzcEzTi+1aDN3ZyezLUQfjoHN/CWMQ37wjYPAt++1N2tfNPgmI+Q4UrZiYDNvHGFhurg7SZgAWsELhL0LaYIupOc8Wh0zNwbCDYLnZNczDEdrMu7FmVGryQR/dF0iy/d89s8bKesf8d7LLmYqpxPAMyDfGz9DHuPCt5B9DUehzqecsGRUAdnUCn91azMvZ5RdmQNnHXdPZEP/UH4xeD8dpgX+E6fi3CHeQfPf7+cpNlMqkI/2aGv1a9c6qzgyuq816yxnHcbhqt6z7wkWN61BtclNOyP/ER7hE7aaIrvttMp6qY37uue5/KxpEKJ6iduVMV2QtLNb75NlZDPiHwFL+aEr2kR4Y6Ki1S83LseCd5gaW01azjnYqknRU6BBgE/uRp29qbU/gRErw18aZdgh7jCtkiWJ8KNBJ+tNd3Hs2bdFRi90WNo3Ti+4hyHeVmZBtm2OIeRFvReF0nmqaqnDV5mFLdH9kUaHycOqzZXh6t7o0r83YIdqIKWdBwL/lhOUN3CJYpJ9d1NgpAJ4b/4+4u3i8DFxnpN0cnOKgBhwOwKCmxJ5rmvpfYjToPmKQ6SQMgrtRm1jjbMd2F9eF+wHWVr/3b89HHjJaGHfsV/i459WDTxcGR4+eljaZeLTYBBILo0tEOAmvWpEdK5VFBjx+C4TE2BS0RU1tVbyvS9PeVXw7B0YTu0t3lgZeMFNnqar3EFddy/aNycJurG7H7bMSiunKO9mVnpmgEADvQ2Y8auvVBHhpTmgFU9LH3Do0OO9lid+q8ClRT3OY9Bc2lmryTtnvRfYj726aOv1t//YuvpQSc4vQXX82n7SN+tjDFFWrvHa/RdhSTND5rnNMM03DS5jE81gdhqZgU2HbCbTRrbEGqkjvvxggrz/4eomwFu893AsnnQdwds/pFRT2i6CwbFgThQDh/vHp0onrIZOfW+QfeGtIWA63JqTqsNoFFIjs+OglNF+9C9n1D69V95qSfxLRfvSGIoUNTTvjhX5+qPyp5PD5fjOhfvipB9ZvLsd7Oe/zFt0/cgeu0jm4Df2uVrtrgI/e5Kome7DbsNlnd83D8gUh41k5fFDpr/cI/WRidso9AT7ZPkiPUF7vdXwMbzOu3kbpmpK+fsCP0xYCv09cJ1uST08+PwSAaA8HETLWT1dH/hrnbvOUnOlizko2oGDqeZmSnxPfQ7HlUObYsk9RWKDPrfIoqQFjaClB1+97r/7AAyRbiH4HgEHhNqsOTu/XLm9lQ+qdW1elpBHTEfW8R73LQDAJPhWLGNC3QPECahp9eB4koZ3p8gaaP12ne/O7L9Vv7/b0Tnq1U9dkydUsT/h/BLbmnoZa3TAAAAABJRU5ErkJggg==";
  const RUNS = "0:221 2:9 0:86 2:11 0:83 2:14 0:81 2:17 0:79 2:19 0:76 2:20 0:76 2:21 0:75 2:22 0:73 2:23 0:73 2:23 0:73 2:24 0:72 2:24 0:72 2:24 0:72 2:24 0:72 2:23 0:73 2:23 0:74 2:22 0:74 2:21 0:65 6:6 0:5 2:19 0:65 6:9 0:1 6:1 0:2 2:17 0:64 6:14 0:2 2:15 0:64 6:16 0:2 2:13 0:64 6:18 0:3 2:9 0:65 6:20 0:75 6:22 0:74 6:22 0:73 6:24 0:72 6:25 0:71 6:25 0:71 6:25 0:71 6:25 0:71 6:25 0:71 6:25 0:72 6:24 0:73 6:22 0:74 6:21 0:76 6:18 0:16 4:4 0:31 3:3 0:25 6:16 0:16 4:8 0:26 3:6 0:26 6:11 0:17 4:14 0:20 3:10 0:51 4:17 0:17 3:11 0:51 4:19 0:14 3:13 0:50 4:20 0:12 3:14 0:50 4:21 0:10 3:15 0:50 4:21 0:9 3:15 0:51 4:21 0:8 3:16 0:52 4:20 0:8 3:16 0:52 4:19 0:9 3:16 0:53 4:16 0:9 3:18 0:53 4:15 0:9 3:18 0:55 4:13 0:10 3:18 0:56 4:7 0:14 3:19 0:27 5:4 0:46 3:18 0:25 5:9 0:43 3:19 0:24 5:12 0:41 3:19 0:23 5:14 0:20 7:9 0:10 3:19 0:23 5:16 0:18 7:11 1:3 0:6 3:18 0:24 5:17 0:15 7:13 1:6 0:3 3:18 0:23 5:19 0:12 7:15 1:7 0:2 3:17 0:24 5:19 0:12 7:15 1:7 0:2 3:17 0:24 5:20 0:10 7:16 1:7 0:2 3:16 0:25 5:21 0:9 7:17 1:6 0:2 3:15 0:26 5:21 0:8 7:18 1:7 0:1 3:14 0:28 5:20 0:7 7:19 1:7 0:2 3:12 0:30 5:19 0:7 7:19 1:7 0:2 3:11 0:32 5:18 0:8 7:18 1:7 0:2 3:8 0:36 5:16 0:9 7:18 1:7 0:2 3:7 0:39 5:12 8:5 0:7 7:17 1:7 0:3 3:4 0:44 5:7 8:9 0:6 7:15 1:8 0:57 8:12 0:6 7:13 1:8 0:58 8:11 0:6 1:3 7:9 1:9 0:55 8:14 0:6 1:5 0:1 7:5 1:9 0:55 8:15 0:6 1:20 0:52 8:19 0:5 1:20 0:51 8:20 0:5 1:20 0:49 8:22 0:5 1:19 0:49 8:23 0:5 1:19 0:47 8:24 0:7 1:18 0:46 8:25 0:7 1:17 0:47 8:25 0:8 1:16 0:46 8:26 0:8 1:15 0:47 8:25 0:10 1:13 0:47 8:26 0:10 1:13 0:47 8:25 0:12 1:11 0:48 8:25 0:12 1:10 0:49 8:24 0:14 1:9 0:50 8:22 0:16 1:7 0:51 8:22 0:75 8:20 0:76 8:19 0:79 8:16 0:82 8:12 0:85 8:10 0:264";
  // patch: end

  /* Label image, rows one after another: 0 is background. */
  const LABELS = new Uint8Array(SIDE * SIDE);
  let filled = 0;
  for (const run of RUNS.split(" ")) {
    const [label, length] = run.split(":").map(Number);
    LABELS.fill(label, filled, filled += length);
  }
  const COUNT = Math.max(...LABELS);
  const pixel = (x, y) => (x < 0 || y < 0 || x >= SIDE || y >= SIDE ? -1 : LABELS[y * SIDE + x]);

  // ------------------------------------------------------------------ the method
  /* Distance from (x, y) to where `inside` ends, along rays at equal angles, as StarDist computes it: steps of one
   * pixel, and half a pixel back from the first one outside. */
  function radialDistances(x, y, rays, inside) {
    return Array.from({ length: rays }, (_, k) => {
      const phi = (2 * Math.PI * k) / rays, dx = Math.cos(phi), dy = Math.sin(phi);
      let step = 0;
      do step++; while (inside(Math.round(x + step * dx), Math.round(y + step * dy)));
      return step - 1 + 0.5 / Math.max(Math.abs(dx), Math.abs(dy));
    });
  }

  const polygon = (x, y, distances) => distances.map((d, k) => {
    const phi = (2 * Math.PI * k) / distances.length;
    return [x + d * Math.cos(phi), y + d * Math.sin(phi)];
  });

  /* Indices of the pixels whose centres lie in the polygon (even-odd rule). */
  function pixels(corners) {
    const found = [];
    const ys = corners.map((c) => c[1]);
    for (let y = Math.max(0, Math.ceil(Math.min(...ys))); y <= Math.min(SIDE - 1, Math.max(...ys)); y++) {
      const cuts = [];
      corners.forEach(([xa, ya], i) => {
        const [xb, yb] = corners[(i + 1) % corners.length];
        if ((ya > y) !== (yb > y)) cuts.push(xa + (y - ya) / (yb - ya) * (xb - xa));
      });
      cuts.sort((a, b) => a - b);
      for (let i = 0; i + 1 < cuts.length; i += 2) {
        for (let x = Math.max(0, Math.ceil(cuts[i])); x <= Math.min(SIDE - 1, cuts[i + 1]); x++) found.push(y * SIDE + x);
      }
    }
    return found;
  }

  const AREA = new Array(COUNT + 1).fill(0);
  for (const label of LABELS) AREA[label]++;

  /* IoU of the pixels of a polygon with a nucleus. */
  function iou(inside, label) {
    const shared = inside.filter((i) => LABELS[i] === label).length;
    return shared / (inside.length + AREA[label] - shared);
  }

  /* Object probability as StarDist is trained to predict it: distance to the nearest pixel that is not of the nucleus,
   * divided by the largest such distance in the nucleus. */
  const PROBABILITY = new Float32Array(SIDE * SIDE);
  const members = Array.from({ length: COUNT + 1 }, () => []);
  LABELS.forEach((label, i) => members[label].push([i % SIDE, Math.floor(i / SIDE)]));
  for (let label = 1; label <= COUNT; label++) {
    const edge = []; // pixels just outside the nucleus
    for (const [x, y] of members[label]) {
      for (const [u, v] of [[x + 1, y], [x - 1, y], [x, y + 1], [x, y - 1]]) if (pixel(u, v) !== label) edge.push([u, v]);
    }
    const depth = members[label].map(([x, y]) => Math.min(...edge.map(([u, v]) => Math.hypot(u - x, v - y))));
    const deepest = Math.max(...depth);
    members[label].forEach(([x, y], i) => { PROBABILITY[y * SIDE + x] = depth[i] / deepest; });
  }

  /* What a network might predict: polygons around some pixels, with errors that grow towards the border of a nucleus; a
   * few across two touching nuclei, and a few in the background. */
  function makeCandidates() {
    const { uniform, normal } = random(11), made = [];
    const add = (x, y, probability, distances) => {
      const wobble = 0.03 + 0.1 * (1 - probability), phase = 6.28 * uniform(), scale = 1.07 + 0.8 * wobble * normal();
      const noisy = distances.map((d, k) => d * scale * (1 + wobble * Math.sin(6.28 * 3 * k / 32 + phase)));
      const corners = polygon(x, y, noisy);
      made.push({ x, y, probability: clamp(probability, 0.02, 0.98), corners, inside: pixels(corners) });
    };
    for (let label = 1; label <= COUNT; label++) {
      const sure = 0.7 + 0.3 * uniform(); // some nuclei are harder than others
      const middle = members[label].filter(([x, y]) => PROBABILITY[y * SIDE + x] > 0.75);
      for (let i = 0; i < 7; i++) {
        const from = i < 2 ? middle : members[label]; // the middle of a nucleus is always predicted
        const [x, y] = from[Math.floor(uniform() * from.length)];
        add(x, y, sure * PROBABILITY[y * SIDE + x] ** 0.6 + 0.04 * normal(),
          radialDistances(x, y, 32, (u, v) => pixel(u, v) === label));
      }
    }
    const touching = new Map();
    LABELS.forEach((a, i) => {
      const b = i % SIDE < SIDE - 1 ? LABELS[i + 1] : 0;
      if (a && b && a !== b) touching.set(`${Math.min(a, b)} ${Math.max(a, b)}`, [a, b, i % SIDE, Math.floor(i / SIDE)]);
    });
    for (const [a, b, x, y] of touching.values()) {
      add(x, y, 0.58, radialDistances(x, y, 32, (u, v) => [a, b].includes(pixel(u, v))));
    }
    for (const [x, y, probability] of [[72, 16, 0.3], [84, 72, 0.22], [24, 46, 0.26]]) {
      add(x, y, probability, new Array(32).fill(6 + 2 * uniform()));
    }
    return made.sort((a, b) => b.probability - a.probability);
  }

  const MEASURES = {
    iou: (shared, a, b) => shared / (a + b - shared),
    smaller: (shared, a, b) => shared / Math.min(a, b),
  };

  class StardistExplorer extends window.CourseExplorable {
    static label = "StarDist, step by step";
    static help = "In the first mode click into a nucleus or drag the point; with the point in focus, arrow keys move it by "
      + "one pixel. Picture: StarDist example data, © Schmidt and Weigert, BSD 3-Clause.";

    build() {
      this.picture = new Image();
      this.picture.addEventListener("load", () => this.changed());
      this.picture.src = PICTURE;

      const view = [-0.5, SIDE - 0.5, -0.5, SIDE - 0.5];
      this.image = this.stage({
        label: "", view, draw: (context) => this.drawImage(context), drag: (x, y) => this.mode === "rays" && this.go(x, y),
      });
      this.handle(this.image, {
        name: "point", label: "Point from which the distances are measured, arrow keys move it", colour: "orange",
        where: () => (this.mode === "rays" ? [this.x, this.y] : null),
        drag: (x, y) => this.go(x, y), keys: (dx, dy) => this.go(this.x + dx, this.y - dy),
        value: () => `column ${this.x}, row ${this.y}, ${this.label ? `nucleus ${this.label}` : "background"}`,
      });
      this.key = this.text("key", this.stages);
      this.note = this.text("note", this.stages);

      this.modes = this.choice({
        name: "mode", label: "What to look at", options: { rays: "Distances", suppression: "Suppression" },
        change: (mode) => this.choose(mode),
      });

      this.raysOnly = [
        this.numbers({ iou: "IoU", probability: "object probability" }),
        (this.rays = this.slider({
          name: "rays", label: "rays", min: 4, max: 64, step: 4, change: () => {},
        })).element,
        (this.chart = this.stage({
          label: "", view: [0, 1, 24, 0], aspect: 1.5, draw: (context) => this.drawChart(context), parent: this.panel,
        })).element,
      ];

      const restart = () => this.restart();
      this.suppressionOnly = [
        this.numbers({ left: "candidates left", kept: "kept", suppressed: "suppressed", found: "nuclei found" }),
        (this.probability = this.slider({
          name: "probability", label: "probability threshold", min: 0.05, max: 0.95, step: 0.05, format: (v) => v.toFixed(2),
          change: restart,
        })).element,
        (this.overlap = this.slider({
          name: "overlap", label: "overlap threshold", min: 0, max: 0.95, step: 0.05, format: (v) => v.toFixed(2),
          change: restart,
        })).element,
        (this.measure = this.select({
          name: "measure", label: "overlap is", change: restart,
          options: { iou: "shared / united area (IoU)", smaller: "shared / smaller area (StarDist)" },
        })).element,
      ];
      const row = this.row();
      this.suppressionOnly.push(row);
      this.stepButton = this.button({ name: "step", label: "Next", main: true, parent: row, click: () => this.once() });
      this.runButton = this.button({ name: "run", label: "Run", parent: row, click: () => this.toggle() });
      this.button({ name: "restart", label: "Start again", parent: row, click: restart });
      this.candidates = makeCandidates();
    }

    reset() {
      this.rays.value = 32;
      this.probability.value = 0.4;
      this.overlap.value = 0.4;
      this.measure.value = "iou";
      this.go(72, 54);
      this.restart();
      this.choose(this.getAttribute("mode") === "suppression" ? "suppression" : "rays");
    }

    choose(mode) {
      this.stop();
      this.mode = mode;
      this.modes.value = mode;
      for (const element of this.raysOnly) element.hidden = mode !== "rays";
      for (const element of this.suppressionOnly) element.hidden = mode === "rays";
    }

    // ---------------------------------------------------------------- first mode: distances
    go(x, y) {
      this.x = clamp(Math.round(x), 0, SIDE - 1);
      this.y = clamp(Math.round(y), 0, SIDE - 1);
    }

    get label() { return pixel(this.x, this.y); }

    measureRays() {
      const { x, y, label } = this;
      if (!label) return { distances: [], corners: [], hit: new Set() };
      const distances = radialDistances(x, y, this.rays.value, (u, v) => pixel(u, v) === label);
      const corners = polygon(x, y, distances), inside = pixels(corners);
      return { distances, corners, hit: new Set(inside), iou: iou(inside, label) };
    }

    updateRays() {
      const now = this.now = this.measureRays();
      const { label } = this, probability = PROBABILITY[this.y * SIDE + this.x];
      this.show("iou", label ? now.iou.toFixed(3) : "–");
      this.show("probability", label ? probability.toFixed(2) : "0");
      if (!label) {
        this.note.textContent = "Background: the object probability is 0, and no distances are measured. Move into a nucleus.";
      } else {
        const mean = now.distances.reduce((sum, d) => sum + d, 0) / now.distances.length;
        const missed = members[label].filter(([x, y]) => !now.hit.has(y * SIDE + x)).length;
        this.note.textContent = `${now.distances.length} distances, on average ${number(mean, 1)} pixels. `
          + `The polygon leaves out ${missed} of the ${AREA[label]} pixels of this nucleus.`;
      }
      const key = [["line", "yellow", "annotated nucleus"], ["line", "sky", "rays and polygon"]];
      if (label) key.push(["box", "vermilion", "left out by the polygon"]);
      this.setKey(key);
      this.image.label = label
        ? `Nuclei. From a point in nucleus ${label}, ${this.rays.value} rays end at its border; IoU ${now.iou.toFixed(2)}.`
        : "Nuclei. The point lies in the background.";
      this.chart.label = "Bars: distance along each ray, from angle 0 to 360 degrees.";
      this.say(label ? `Nucleus ${label}, IoU ${now.iou.toFixed(2)}, probability ${probability.toFixed(2)}` : "Background");
    }

    // ---------------------------------------------------------------- second mode: suppression
    restart() {
      this.stop();
      this.left = this.candidates.filter((candidate) => candidate.probability >= this.probability.value);
      this.kept = [];
      this.suppressed = [];
      this.fresh = []; // suppressed by the last step
    }

    /* Overlap of two candidates by the chosen measure. */
    overlapOf(a, b) {
      const other = new Set(b.inside);
      const shared = a.inside.filter((i) => other.has(i)).length;
      return MEASURES[this.measure.value](shared, a.inside.length, b.inside.length);
    }

    /* Keep the most probable candidate and suppress those that overlap with it too much. Returns false when none is left. */
    once() {
      if (!this.left.length) return false;
      const [best, ...others] = this.left;
      this.kept.push(best);
      this.fresh = others.filter((candidate) => this.overlapOf(best, candidate) > this.overlap.value);
      this.left = others.filter((candidate) => !this.fresh.includes(candidate));
      this.suppressed.push(...this.fresh);
      return this.left.length > 0;
    }

    toggle() {
      if (this.running) return this.stop();
      if (!this.left.length) this.restart();
      this.run(() => this.once(), 600);
    }

    updateSuppression() {
      const { left, kept, suppressed, fresh } = this;
      const found = new Set();
      for (const { inside } of kept) {
        for (let label = 1; label <= COUNT; label++) if (iou(inside, label) >= 0.5) found.add(label);
      }
      this.show("left", left.length);
      this.show("kept", kept.length);
      this.show("suppressed", suppressed.length);
      this.show("found", `${found.size} of ${COUNT}`);
      const best = kept[kept.length - 1];
      this.note.textContent = !best
        ? `${left.length} polygons have a probability of at least ${this.probability.value.toFixed(2)}. `
          + "“Next” keeps the most probable one."
        : `Kept: probability ${best.probability.toFixed(2)}. It suppressed ${fresh.length} `
          + `${fresh.length === 1 ? "polygon that overlaps" : "polygons that overlap"} with it by more than `
          + `${this.overlap.value.toFixed(2)}.`
          + (left.length ? "" : ` Done: ${kept.length} objects, ${found.size} of ${COUNT} nuclei found (IoU at least 0.5).`);
      this.stepButton.disabled = !left.length;
      this.runButton.textContent = this.running ? "Stop" : "Run";
      this.setKey([["line", "sky", "kept"], ["dash", "vermilion", "suppressed"], ["thin", "yellow", "candidate"]]);
      this.image.label = `Nuclei with candidate polygons: ${kept.length} kept, ${suppressed.length} suppressed, ${left.length} left.`;
      this.say(`${kept.length} kept, ${suppressed.length} suppressed, ${left.length} left.`);
    }

    // ---------------------------------------------------------------- pictures
    update() {
      if (this.mode === "rays") this.updateRays();
      else this.updateSuppression();
    }

    setKey(entries) {
      const shapes = {
        line: (c) => `<line x1="1" y1="7" x2="21" y2="7" stroke="${c}" stroke-width="3"/>`,
        thin: (c) => `<line x1="1" y1="7" x2="21" y2="7" stroke="${c}" stroke-width="1.5"/>`,
        dash: (c) => `<line x1="1" y1="7" x2="21" y2="7" stroke="${c}" stroke-width="2.5" stroke-dasharray="5 3"/>`,
        box: (c) => `<rect x="5" y="1" width="12" height="12" fill="${c}"/>`,
      };
      // The marks lie on dark, like the picture, so that pale colours can be seen on light paper too.
      this.key.innerHTML = entries.map(([shape, colour, text]) => `<span><svg width="22" height="14" aria-hidden="true">`
        + `<rect width="22" height="14" rx="3" fill="#15181c"/>${shapes[shape](COLOURS[colour])}</svg> ${text}</span>`).join("");
    }

    drawImage(context) {
      const { image } = this;
      context.fillStyle = "#000";
      context.fillRect(0, 0, image.width, image.height);
      context.imageSmoothingEnabled = false;
      if (this.picture.complete) context.drawImage(this.picture, 0, 0, image.width, image.height);
      if (this.mode === "rays") this.drawRays(context);
      else this.drawSuppression(context);
    }

    drawRays(context) {
      const { image, now, label } = this;
      const scale = image.width / SIDE;
      if (!label) return;
      context.fillStyle = COLOURS.vermilion;
      context.globalAlpha = 0.6;
      for (const [x, y] of members[label]) {
        if (!now.hit.has(y * SIDE + x)) context.fillRect(image.x(x - 0.5), image.y(y - 0.5), scale, scale);
      }
      context.globalAlpha = 1;
      this.outline(context, label);
      context.strokeStyle = COLOURS.sky;
      context.lineWidth = 1.2;
      context.globalAlpha = 0.85;
      context.beginPath();
      for (const [x, y] of now.corners) {
        context.moveTo(image.x(this.x), image.y(this.y));
        context.lineTo(image.x(x), image.y(y));
      }
      context.stroke();
      context.globalAlpha = 1;
      this.path(context, now.corners, COLOURS.sky, 2.5);
      context.fillStyle = "#fff";
      for (const [x, y] of now.corners) {
        context.beginPath(); context.arc(image.x(x), image.y(y), 2.2, 0, 7); context.fill();
      }
    }

    drawSuppression(context) {
      for (const candidate of this.suppressed) {
        if (!this.fresh.includes(candidate)) this.path(context, candidate.corners, COLOURS.vermilion, 1, 0.45, [4, 4]);
      }
      for (const candidate of this.left) this.path(context, candidate.corners, COLOURS.yellow, 1.1, 0.75);
      for (const candidate of this.fresh) this.path(context, candidate.corners, COLOURS.vermilion, 2, 1, [5, 4]);
      this.kept.forEach((candidate, i) => {
        const last = i === this.kept.length - 1;
        this.path(context, candidate.corners, COLOURS.sky, last ? 4 : 2.5);
        context.fillStyle = "#fff";
        context.font = `${last ? 700 : 600} 13px system-ui, sans-serif`;
        context.strokeStyle = "#000";
        context.lineWidth = 3;
        context.textAlign = "center";
        const at = [this.image.x(candidate.x), this.image.y(candidate.y) + 4];
        context.strokeText(candidate.probability.toFixed(2), ...at);
        context.fillText(candidate.probability.toFixed(2), ...at);
      });
    }

    path(context, corners, colour, width, opacity = 1, dash = []) {
      context.globalAlpha = opacity;
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.setLineDash(dash);
      context.beginPath();
      for (const [x, y] of corners) context.lineTo(this.image.x(x), this.image.y(y));
      context.closePath();
      context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
    }

    /* Outline of a nucleus along the edges of its pixels. */
    outline(context, label) {
      const { image } = this;
      context.strokeStyle = COLOURS.yellow;
      context.lineWidth = 2;
      context.beginPath();
      const edge = (xa, ya, xb, yb) => {
        context.moveTo(image.x(xa), image.y(ya));
        context.lineTo(image.x(xb), image.y(yb));
      };
      for (const [x, y] of members[label]) {
        if (pixel(x - 1, y) !== label) edge(x - 0.5, y - 0.5, x - 0.5, y + 0.5);
        if (pixel(x + 1, y) !== label) edge(x + 0.5, y - 0.5, x + 0.5, y + 0.5);
        if (pixel(x, y - 1) !== label) edge(x - 0.5, y - 0.5, x + 0.5, y - 0.5);
        if (pixel(x, y + 1) !== label) edge(x - 0.5, y + 0.5, x + 0.5, y + 0.5);
      }
      context.stroke();
    }

    drawChart(context) {
      const { chart } = this, { distances } = this.now;
      const floor = chart.height - 20, top = 22, largest = 24;
      const Y = (d) => floor - d / largest * (floor - top);
      context.fillStyle = this.colour("surface");
      context.fillRect(0, 0, chart.width, chart.height);
      context.font = "12px system-ui, sans-serif";
      for (const d of [0, 10, 20]) {
        context.strokeStyle = this.colour("line");
        context.lineWidth = 1;
        context.beginPath(); context.moveTo(24, Y(d)); context.lineTo(chart.width - 6, Y(d)); context.stroke();
        context.fillStyle = this.colour("muted");
        context.textAlign = "right"; context.fillText(d, 19, Y(d) + 4);
      }
      const wide = (chart.width - 32) / Math.max(distances.length, 1);
      context.fillStyle = this.colour("blue");
      distances.forEach((d, k) => {
        const gap = Math.min(3, wide * 0.25);
        context.fillRect(25 + k * wide + gap / 2, Y(d), wide - gap, floor - Y(d));
      });
      context.fillStyle = this.colour("ink");
      context.textAlign = "left"; context.fillText("distance (pixels)", 6, 14);
      context.textAlign = "right"; context.fillText("angle 0° → 360°", chart.width - 6, chart.height - 5);
    }
  }

  // On the picture, which is dark on every page, the colours do not follow the theme.
  const COLOURS = { sky: "#56B4E9", yellow: "#F0E442", vermilion: "#F0803C" };

  define("stardist-explorer", StardistExplorer);
})();
