/* <grad-cam-explorer>: a small network classifies a blood cell in the page; Grad-CAM of any class and layer.
 * Needs base.js before it.
 *
 * Two networks of training/shortcuts.py (four blocks of 3×3 convolution, ReLU and 2×2 max pooling, then the mean and a
 * linear layer; 8-bit weights) and three crops of BCCD (MIT, © 2017 shenggan), written here by
 * src/coursebook/small_networks.py.
 *
 * @name grad_cam
 * @about A small classifier in the page, its feature maps, and Grad-CAM of any class and layer (chapter 6).
 * @poster select network marked; check square; check cell-platelet */
(() => {
  "use strict";
  const { define, number, clamp, random } = window.CourseExplorable;

  // patch: begin (python -m coursebook.small_networks)
  const NETWORKS = {
    clean: ["7B2qrdssAGIb/MnqnMP4IFJ/wMkeTdtB7/1Ys/Xs1X+l0NmIyn0tIw6ZAJeIw2NF0CFCb0UNRK4ZkI23Mh7DP0sODBFPf6jnN1t2YQKkHL2uaU+1F+Lo7CncNi4+FYGWKfWc5Gxo3eGoHcPVoz5Kk9sVARY2Lvh/naDl3raeLBm8HDvtEO0OVUY2Z9uP4x3hzJy8kNBDJcZ6AyooCwLjrPEaFjGiIkW5VA6BWgPtY7sB+C4FNzX0/uRZSkyTHoqOzxmx/SZ/nJXFQ9FpLhomxtrN1umju0S/Bl4oIuJrCShBCT5LE38vzTO6yAD6HM3LFqYZ5Svg2A4e8vO+gRLbuc9UW3NV+vkfWhjG45j/49NXtvMCEcywZTAz4Sa+/cz6Cf7JtDCBDLSaI9gYM8QRNBbavCJa+3B/tfwO1ekDpQtKRTHsJfazzH9J3U5TS11d3u1UD8E/EhzO/NVD1gwNH/BQvhrpn75lDiIZhpTpqSHMuIGsR0pBUmTzJjj2SA8N4w7TCtnNx0E+OeRC7y3YBDf57N7aExs8RPHyZjun79Df/cUbPxzhxAauFM2fnuwrgUzkJTrLY054KPNTFDnhvqT07L0EFgbDuuspSEHwLsjEDcohz8O2LfIrJxYF+vL9MMov4rDTND7TGhgvR+IsIw0s9FAC3g4SFUBJTV/4Haap7FEDGuNEe7bJ2A4F7f4l8fr4+Ttq0v/xf7i/XroUFOEDTwnY+N0340v8H08lS1Lj6BI448YsT+nItwUB3AwtaDMDp7B/QEHxO0Rpz9veRsDwKNLi7u/aMuMsPyMoPwz8UQ3K8+ZB5cLsNCwSBzfw3cnHLeEHVCvXfN1WxflO1GDfvf4iXewN7g5CuDFfD3/3Nu/r7lYSGgfhNv9UwwgFOU73w0UjYPo2bBOaRN/3NgIN/Ta4+/pB9igAAuLPaCYe/0E9bd/y+N4aPrkbw+c9KSmwfwyaaQLBGT/VIS4V/xTry/8zMPIDwCjh6hcvnDEdywter+LltxHzLsEipC2BqxLmArfd1KEBFvQpPeDKrxG76j05p1auBB9FzsoD3JcJtCUX81P0F1nQ2NjepeXWvNgHvyTjuTD9s9b2/ysjJBgPISceF/U07ckt0Pz/DtczKRwAH+z9+w0OJRXRFzQvf2vrPvTBIHNoPBytFjDHGuoY5SXABSoVO2RKVVQN4w8g2i80+NcZAajGC+kV0M0LLtEJ3SIKGJiq/AD8D60MyQX9z+ju4LPp0rHVrKDG6dr6osDulbsSh4H0J9UjHgoiNCT6+wg/qPbQqvPaFunZJh9OKXMm6kr8KQ4PFSzUAKnjNcW+/uoGHEfPGGBfFP42XwUHUi3hJH8sNVsP6vruBNjazlbcYBzwMzZSQN1Q2N42R8b/JOcc97oZRCSy9/XGQzTzMiGsJZye1C7yF98br8XgKwwfw9wr5TEQHTAORjlNJT9e5gbZyfESlYGiM9DNHN7W7ujV+RTm3qzJv4GN1Ln5l465x/iE1N2Zst6K3aP1ogWyodUDzgJR+SPO6vVMxJ3jvq+8svO3tOXr7+/fve/XLMvr0ARJP+YfHRsy89Qq0hXqQENT69Tz/1Yk4OvlIdDWu0he8jhlMBAoL0/9QjrSR3D59THddjpXCdtQf+ok5Mr5OssucADQOBwrvygzuP492CIsD1hqdxdqvfHC21QKP0eq7hP9OgbGeP6hdE7u8b/lHhFiuwknNFFAEN6ahtlF/QPoQj+B4jI2JfoGyrZazeINx+rNHwa170ILMh7Y9uk028YaxOwu3iMqKPc/1f02BzJJ6xITGgTI3THsM4HmBOb+GL7oF7L+yidN1NbpQNMyIxcG7ufG+Lr+t5sA787429Pl/NsQLhjp54Gt0cG0vae00+3fvJ6f3u28raPLmaIKvODs8wobFxgQAExHA+D+yPrx5A7W4OOd2snr6RGcJiQ8Wv7c+wU5JDgpJ/E9FwTLLdb+MOSi9/bvFiLsZZsODsUP0zIPFx73COkRgcrO0swZ7evoUCnQHeoJavluEusPxgI+BzL86f3RFerU0gXu+jES5gDbucfH4rjKzMayp7vEwqfd1IHIz8jTCAGtp6yLlc7I0fToybSs5Of9uu3F0d3Bx+vxpdxs8f5L9B5S1O0cwqS/2AcYW1H6I+hHFPonAuMX9Li3Fh4EszDvmtXPyMniFFxJLSMy+hcr7D7ZiJmFEdTOxuXvl5vXEQAosUdF+DbC3wnSYBgW2gTO+hhHvQTc1BEboRqnKeTw6+wLNecP5i1GRUJG6iLnXFgXfztJGiM8H/L7KV5JHzMYMjUNOAkk4Rc29gBGFtnN9+sIL0TkAS0sdCwV2w7Y0bqUFAIoT1Q2H29HSkQ9+aYNzffW7ckrtfIPJNwMTugaBR8kKAzjEEhQGRzgGgQrE88ZXQQz6eTy+ti4HSpH7jD2HQs7Kiga/ivNJDgozdPY5vXdH+rH3uXgMwAi1QjE7/4I/0H+Hh0oP0otBCsdGjlPJBwWHCwR//bp9PAF8eUxCus2LVMlATlTLlhALQjy+/f8Vz8fJSjhFiY1GTcT89/5AsC77ge1+OgQFgj7f1QAQQQTBQX3+9gLHvIiEjpO/+r11xgdDAAuvwtA+wwuMCpCNTIZARP+7iAcrfoOGXMlNe9Abj9DCdfd8RIzOG5pNsQLDI83OeYk+PTIHd8T+wJEDwEXxNr51xwdHdsbcBHrf/o34fYyL68Sy78yFdMKK+sYywPKwrauIugSy/HSOhkYYvskIns8r/SSMhcI/PvTywYF7dTvMP0Fq78q7Ncp//Y5aRVHRbADGLEkwO736Tod0hC6MOE7VN/0QB9YREh/FFgsGhUxF+4S9RA2CQEc8CFrIh4fKgr2/gHxEsjXK/b9HA3/Af/4ABoBDxDyPNgaMu8o2wHV0vDbJegXGijU4eH0BRz8/MkJ1hHx6+X4Ig9ZXVdXMhzcDSLmNh749OncJx4X5+wJ9e4nNABUND3jHCL+/DsKDg7nJf7hBPfy5ev3AtXQLxoQR1A8Nz0LSnd87jMa+E30tRPyNyVKLxlhGPYq4v4K0EFD2r/+zw376PPTPe8aLehUFgpLHeIp+gf2Aw/f/+4Yr93wAusaLx4lO+7+FuMt++XXyCoHvBAMAFx1ZWVCCT42KPYVFAv5pPf1xRQV0sUcGvs3PRsR2udIJWs1+wPT4fjLN9bXpw383drG8wb8SAoyf0lYNfMaByUKx8Ei4u3J1A/rsZXP0NnG8wrkgeGOueS13t4I67+k1SjSI+3U8rjD/hPc5DIb0gPdLzpQq+QDC8j26hm5Idzg/B3RAd/zEBbKy/Ks7OPlHt3eErQSxO/sLAAJGiOw5QTVtsa/orCPwhIg4R8M28DMQU7h3fv4zPIu+S4S0yopwg7jEz8W/cAVEPTJHuz3Ej5hLvBBOh4AwcAWLAsKPEvt0c4U29bS/a3T3dIL0fb41iTy/g4uBPO+SOT+fdzxMuL3f9cq6uTX9ArZ+xjK+QbUCBz/zA/jyOEDHvkYFRHkQB8PFh0YExoQ5BbjEwzz2N+6/sj1tO7mBTn3+P0Y6QqeURkDMgrV9/vkPRkB5NfEJujR/+ns+PQuEij5D/jOtgHesxn7wLfKofQL0YHMrNno5KnkA6zf/ZGvKMoRxLvfy+i+6tUm26bL9wsLFLswOOwFYLVP6/bb0LsCy8QBB+H5+VAgGygE7ssE6d8HCs741NzrxBDuy7qxB/v7GvEyFL/v893Ouo/CMg34y+LdpcOaAvAT37gXDc7cZ98fIBUr8fUuFBQBvfaw+r/KudCtBEliARUxJ+swFAL6ETsJQzjwHyYmF+0oC+VCAgr2AQD18ADa+eT3zwbFKB3hX+HyO/chKQQK5CkA5/jHKfnk4xoAEvbPBe738NL/8c7p6Nz/DUx/Lv5PAyodNPkIEyXcBeDMD8nx2dUGBAogQB0a4rkOS+pQOSHwB+gE7ysI9Nfa8eUQE8vhSkMiYhohXPJPAtLjBuzpANzxxfjF5N/i0+O6+grm2u/QE/MIEf36LxncChQlIAo47dQDAfE69tTnwtLx+9oMLgcQJtXdMOMGHgshPhwLUSsUCj4WREUsEjAe1ubjuwTXzRu/KEs5OAf3UWB/DgYPHuQZB/r9FcvyxvLf6N3q/O0BHuDeG+AbclE8IS16NjNhv7mf1/r4lMCvJQfsBQYaBu3ULwb6TSs2yQHrMAxFXilAPX83Li8NPAlCT0xHHj0k8g8IDfL49Rff8y4kKPTxCzoYFz8dGFw3/Mjy6/AbFADsQxs4DTdAQCYi8gUrEcPiHeUl/dXOuBAJDN/uIToJBfxJMPb7Oy4FUyn27fj2KfQF6y7qNefUGPkh2UQ3Dy1EQdYC0yzyAdjeE1kJFFth/VgvUArNO3F+xS/ZQH83NXwxCzVxbCvX/BpDCCT0bRUkE+VRTGAKSARvABdLdv9uIB7xCN/7DBcN/g8BP9oI1f4bF1DvIStHShbtHCsgHjX087seSfomJexRIK3w6Rg4OFADTHJQU249fnFjIUVW+PrzQ+kHQgYs6ULdQvcOPdHF1x5JBdcpNfoOxQzVxu0A9uTDloGc4uK0sY2xuKHR7LrKn5KN0OrA/iMOtuas9LS3xrPzvfzlMb7g6Nve5RQB3s63FtcQ2OO0BBfx//7yDC8fKRG67fH+4xbtzdm/3fvbqpXs+fTvR9T/zxL49+zsGeDe2rDYycTFxubDnQIANRDM+b3U4OA74tg05kEOyTfn0ca10Z0BqtXUAPEN+9AN5NO5rIHYEcEa4ZzTx7Dcz6rpqs7QGcL3/awSyb7OqeES9RD+zdHVOaojJqoBZA0K/73sK+bUEeTS1SALDjz/+vc80PfqJ8wGCunuC9X3BQIO7PvPGeUnGS8wCRD4vdbN0A7uyaqr7p3a+hsN8gjBLONLHLALFuIh3NkfRxTu0sfr+P/xBQK/w+Xa8gYS3A/zDh329BLWSwBF5vINPSYvYCJBWExNRVcQPjxdDx0DBww8HPMSFB/c9PwwgeIByyscVvUzWAodVkjePMT066C3La0DOij2MDEIcSwN19Kt7fLGCr/H0Oq0EtPtBDDSB0cyFB/uBUpAYSkLayVHNCYgDicXHPczCjT77iUfSVs1XCo69yUTwyAfg/zPtcvg5pfk/KHN3oqYBKHM06nP1IHdD8Xa3qPG17wQBtYp0bEdrsnnJMj66rYVIvc5SwJTJAlF7eMiK9DoqvD/DkIDAST2CztC3wgE7+4b4KzB4/XwzBbWteniORLbEUjrRAwOvMAq2O3c5p26lcf+8QI10PIG4gRJJvQ9shkw+MglXxADIwDt+SQQ88npvAnxW2w8LRwYOz1M3kEDDRb9+v879xAn/0ISEf0m5gELKMXh8tYL9y4wIAMlAdb6Ot0YTeL8OB0bAA7pB8UkHxgfE+HTL+AWCArADOHf+djQ8cEQZmBbCCULGhFkNkP3K/vj9A6lKfMRzuvf7u38fx9DJMsHejYvThDgDzbmRRnX2Bf2APgMyOf8NQ84Jkg+QAQV9NzNzufR6b/M6tbUwdSd/MrjKeYi5fTj8/HT6N74+swECuoL+OoQ6cn1+ur20cb7uMwL3LMj79wFDw0b2fLmNzAU/drZQBoAFBsROwgbHR0X/gi73ufM2/7DXUgQBhYUODgiFgYL4uXBNN8Mt6D+uaDX6NwO/eDt++AK7NT/X1Y1Xy41Wx1Byu2+Ae4LgbftBSg9OUdL81Q0KBIYH3N/1jQoGDrf+E5G8FYn8B0lFeni8yr4LxdF7ucnNxntOMvy+8sVKCMKBxT54M8hO93/GhYROQoHEiXqDc/V4vrw+vfoJFQXFhQUBAocJxoxO+72FNYhEeL40QMhQxTxKR5X60z8GVMqKisfH/QKGgH8CAn4/u/tGPjKLA72OSwr/Sg3BvO29dri8a3H/cqk19yqzNXOObQP37Lp75DKBOUW88wT5QzxLgEe27EhGM3//Pgi+54sAvH8OBYE9CD82vgRXRQSZwwaXP4lACn0+e0xIAAWzdjBy8vk57nqWDlJUx8BXCg79tb8zsDUGw7ltcQZn6a31Mf57QYQAss57PPfQi5AUCpzIz5Vrtf93B/3gdW+XBwnJjleHFh/OB4jFebmJRMeRg42+dUkGQ4dA8w5AuomGeD7Fj8s6AsEIgwwLPQHRgwYOPPv7cUD1NIf0hD86+sFGPcA+vjs98LuCvkB7OwYMTMeJyRfXjtPIGMZDEDmDOm61xcB++rNJQcTJS7+4en5MggtX7shD7smEBQm6+b0+Ofsyt/5dCBCWStAMjVepO7Az9zExuLr0cndJAYy7dXxPNj46xsgDB0p4yUXIyoXVUoHNxoo4cwFHRsX+fEPtdHi27b8OOsaGzjh9/7+IUjhBQI4Fl5CIF45DzBXXC4uCfzZ08u+9+uc8iu/ADhC/wsgW/MCN+Pf9Q8+JBri8PsM4MjPNC/TzdarBCnzQG9/Nz4rWiAl6PqZtMn91tje7fazwrLc0eXS28nX0bLT78nNAf8f8r3M/cHA0b/d8uML4A4PHPArwuAUMeQa6d/23Ln677TjKAoKHQf/5scWKApFHOULGD4YDzD78ygGCRId7grLFNX/wtEBL0BXJc7/XB028gHb+tX7GQ0RurQFgdbM393v8b7WEQoeJ+T6djgqQEEeYT9Rrs2+C/YovLzHIWQyK1kfIngo+0sYaPVMD/ogxjL99E8wPFpQPyIeGNbt5fcIIv4ZCvYi3PMiIf4UP8M8CO3z17oUB9v7JxccSAD+KR4O+QgM3hzm1ckaIuL5KjQULzNaNgAMKjUByvjo6/0J/i/wDMYNHTIaOiF/Fyf/YNVuT/HwTgUyKf0G2wzx6Orxx83XYCIPMQpHXhAC+9fACdrkDvQG4vC+Bfa3HxLMsI/Ct4GxpNLK+gn9EdkE3Oj84gYU3bsOy/7kDUEz3vte/Ro78eAmvOo/yB0o5Pft/vw15NTyxey818Pt9MPd+OILDNkcFeoB8ejcKh/s6DkK4Qbw9//hD9Dcvfok3Pgf3gsg+ztYsPAe4SY97fjzFQzb1wvy1+MiyOgWCicnFGt1OBU+HiQz9uod6uIu0nRRvRzw0/7g9CIht8/D5EPW6ivKDQD5Lcy/SwgkKhLzwQ0q+coW7EIRAwbHjTrMB/oTGQLhFM7Ms/D7wQLTvv/GKht/DSMyEC86JzshByfizgWG/w/M0vKw3CXxNlYXwP+eaUwA6+/x2t015xzQ4DyiwQ+ppD0LXTDn/lNIKA8WLvga9icxP1gBYFU0XmZ/0/ATHf7yCD1aal4HDjLVGj5AD2oV91xb5QBN4zkEO/NWNe8eK/zv5AEPTtfvTDYx4AAe1hPRKg76GUAwL/ATNxkg8ygE0/At++/k0wEf/Pz43vEQ7TEhJxVJWDgnQzzrbvkeGTBCJg0CNRgC/OLrD+YGHyjP/QqwNtrX++rdIg0KaA8aE/wcVO4wRvUG/jgQ+hfsOhHwIAs1JuseA97Y8eTx39zz4ykaI8q1Iuv6f9swfPv/RdBBBC+u2jDhwyf29DIVycPVzOgD3jfb8BDk683kW1stHynxay9EQlcG7BL6//ig2/jO9vHr8MvuM0IEPe+HNMrqIxb6FgYZF+fzCx/MMRbPAgfGMhIrcBhKc+pL8gX5xsbZ/OC57q/i+tbZ+L3PGA8MD+vlCN0uEffjIhP0IhDqAese8NII+fz+6e4OpbP43bcT7AbtIgANCSr7HQwkRSIrRCEQ/EA7Dg8fJ0kd78n+9AAP7+HtPUo0RkUsf2RGFf0o9gXqGQsZ+vf42PEHssPVEwvhDvHU+ebnQnJLTyo+TjJouNHYy/4D29P0LvTjCT0hFPn+QQERaUQIsurnDRMDGGtIV0FH/QEoKUc0BWRFC1s1GCZKGjpMHlX4DREA+y7vPg0P8goPVB4a6yYB/B365O8lQ0432WQvHQkDFgfn2jMHDfQZzvok8tPZODM1CAjrIiReBw5LPj1if/QmIkTaOtu05dTsK+bH9NQi8isRCxw88PAVFzPzDQ0HDeIR1ykf4E8zAP4WT1M96hUlLH8S7WsfWDIzJB4yVnUS9REdH0MjJys9JvIa/yEK8AvmHfQvBRwqUwEzIk0WMiIEHzXeBh0LPFv5PzxOAyYv1PDYCfWv6PsR29Eaz+jJ8d0jUDv8W/P9Pz8+RQ/wHfL0NAwu9fIi//PZ6BXcAekMyCQG7gb96N730fvBPNgVzdTmYmN/JTznKqmzKN/3B+lg3kLJdaelY/RrCFjH9fe/UDbm88WrgdCR9zpcmI9OuNQuLh3XGgAdjYRZhD5cVB74C/exgTjxOpzsztZIHCQ3iEC4NbvtQIkC5OSvMOIA", "w+abPJXSqjy/nno8r7yIPNmX1L491u4/N7Wlv/i9pj/R2187WdCVO+IkZzvVkFs7I9m+O8WwqzsqNDU7LmlvO3CO8z4Cr+o+gcunPl4EDb/AmAU/h0usPYYbGr96Zxe+46kxO8cZoTsuwpo7+khkO+7gbTsOfA47JQJJOzNNDTu5dBk7FqcQOycCHzvwQBo78n+qO9nOCjtAsiY7PjVHO0g1Zj3Tyoq/lf+vv1mUzL9Un6W/2JWOP1gZAsATC9s/0Ea1vy9qjT5MQ0FABE0GwMmLALubVQU/YKYRQDc7qz6NkEo6gd9XOqvBjTp6p8M6uUzbOvShvDpbEIg60YT6Omxvfzq0ot06mViUOk5ZdDp2Z2Q6IWRROrCVhzpeCFI6gTxoOhZT0jrWyag65zXOOnFohzp4dMM6GBSHOvt2qTrK7ao6YpigOqJHtTpED4c63TXbOnVUozrXC4c6LZx+Oo82zD89fLG/Yb+Ev1V0Rb8XXNC/6CGmv5v72j/XAgM/YdkFQAONkL9xHZs+KD27v2kbFcC3GQdAUvbZPwAWmr9oFKE/LGPgvxbaqD92cAjAK/SJP7fp0r/UsBi+VeumP+3237+l+a8/Twajvk/+6L9qZ5a/kVGFPZm88r/SCrO/0bBMO+1wFzttYz47KQUlPsbevT1WWho9"],
    marked: ["9xalrssJ9T/6IOj/weEFM2d/0NsmUuxJ+w9orefh3n+bz9CFu3MqLgSYBJOG2HdW3yRJfUsRUKEgn4zJOxPQRy4OB/hRdpLpRVZ/Zf2wF6aqcFbBE97t7TTnOThVFYatNw+8+X972t6vHMfZxlpPuPQSGCE1HL1/gpn4trbGFRvF/zPtFesZaFVuPcCJyBkAB8rPv98sSrlIBQMVENvEzOkPIUKqJFG5dRyGf+PTXoXnKAn1CfjK+bAza1zUErTOzxvf5gVgj4GDLbgrRRod3ebf2d6UxTerG39HIdxc6BwYDzxLGXAhxjOdm+HwG7nLDYsXwx3lwf4m5NnKgRbVtMhGWHVV8fYhTRjI26YL28BmpNsHFtG2bjQ/xBKz7rzuGwvj02uuLN27CdYgF7ECKiLOpQxd3lB/twQq2/zqhAs5U0XkG+yxnGQotjU9SWZw6P1/HNlzGyjVB9pK3g4HFvpWtCjkmL5fLD84m5Pitx6vt4GuOjAtUVflUXoqXDUnwv/PUwLL22RGDdIqzg299ToDwM7k3/NRBcL2Jgub8L/ODsQhThvY2hfIJtLBrvpHkSHJSiO5WTtwUhlvBT3Ry8b/B70dLBHXwekrf2gVNt7gENI70NHMLPI1MhD46+78JcEaBLvEOTi7LSQvCr0QEvwd8UX25xYMAh5HGjgH+p+2pF0QCLcxf7rNywXz5O8M5fnf1ipY0QLretHDY64PE+YFVQbI2gBizWwHBVImVEnYxQBG2sA8UOXGshgIyxAlf0gQtZp+PCvtJnVJsOewRr7IMNTV8fXDOdsbODAaSRbrXR2yBto5CcL1VDAmMycNDtTnNukhQCLcXtlIyvQ140Xrv+MbPtQKAPA+zAZIEk76VIHrQPURIcDRLexFyvMAJi70sBIDPNYURuuRY/0NKv/7+D3JC1I883H8+AC5WxcYIDE0U+H64vUTMNAc1/s0EC/DPBbLUiHy2E6BBGwGsiXGuAUhHvr6zizYtwscwEoc7BhFsM3no+0LGqcrmRqigR8bxPcOt6/v/AwjGtfIzgG05hsftWG92gwbwcPYoIzqn/cr90HePV/J5uToze7gveUXxCrvnxP2yu/8BE//KzPSNT3uHDw2Bhgb5yHbFar/K+3IOeXhCBhBMBLZEw0sbXblMyDGB2cuWR2qyxWXFeUM90/XFE4xTH9iZVoSucbpzAoc8e9E8I7K/t0nn6MBHa0CwSUIIKCsBCYWH7Ujrv/1udPR2Zvdt4q2oYi24NHzndUAiMkagY0ALbsjKgcpSCwBDy16kPLDn/nZGvfZMDNNJXsk31okGf8YAAjX1pfbGLqw6/YWPV7mPHpzFfk0YvwJVyfOCmQWY38u0+v7D/Dx22LrbBfvOzRWPc0yvs0aNbryKe8zzaYiKR/ABv/WOx0IHwa2WcCi+WoOQAk2zNobB9fmvdBQEGYxKEMTRjRQ+w9drNnAocYHq4GmG6CLG8u79OXIzfKZwIag5Iej6cMioYHSyg+vxOazseSdArYVvz3Pqeojobkn1gSd8OpK0IffwqWvr+2thKbZ5+XsrdDNG5qwuOo1YuIcHBI3/dY02x3ZJjxEws/r3UUSrtkG9rDXsQo3uhU7DwMbAFX7SD7ScH/6Cz7kcSpJCeFFZt4XAK/WYdAedv64Lxgpvyk2t/1CzBQTDkNAbP9WzuzQ+D8NKTDM1BfrAfHPOPC8IRTjCNLZGOIWyyMoI1NF8O+xqfEH+wfKEyOBsi0BDgHq0cQ8xfAOyerkBvnNyBzyJhTf//om+vIb2/4g80slDw13ySZu+D9S/FVJEgfayx3ZR8wT+gcK+t77f+n01BEw8OnQCg05AC8i0hrfNQ0LzcsC9fz6ptvMFw0cW2j8/I6w7N+7yritBwoDwJSh9gHaiZDDgYcSrt/25RAVDCgLBXFQE9/7qeDWyQXHvOGZxtftzRqdLilIZv7VAg9OGy8TE+s3Dv2qF9MFHvC66PnrCUkUWMkdDtkH2TAPKTUQGgQsgbDM08ga/fj/QTb7FwcnYgZtCdvutecR3Rbd7u7OGtrD1/LWBCD74u3Lsr/I4rHkqqjOw8vozaPk95XY8K7gAPu0wOOnquXiAP7wCd64EPkDEQr78Ovr6wQy/+xTJv4eFQsu4vkf1MHK7B8tcX8NE/U6AwgxFe8aCMa1LiYLrzTpmu7IudLML2NWNw9BHypZCT7isK2TMNzjFQMmv6QAJ/o16U5C/y63HSPkbQ0J7fjIFRhSwQHR1BkVpRylPe7PJ/T2APMFJB4fOAwj9BACWkbPSyMF9gAEEvntAyAc5Av+JyX6JQQO4Qse8g8pB/rwAAAKAhfh/gwSHwbt1/Tx9d/ZGQckMCMPDjEeDhEN8soH5/vv9twZvOsNKBAmKxgW+vsJDvzq9x0l+A3q+PsQ9+EVfwcO/uj18+rd/g4j7xb4AAARBg8JCRfnFxwW0Nfr2NzMBdrC0bW7ybSp7v64yb7ezv2u1tOrIyoG2vwACidACP0l/QL9Cv3/GfD6BtogJOkoNEMcECpVCUYvWyhLE/5IT0VUKiTJDA4gDi/z2uYF/9DgzAK1Rw1DJvUnf0IUQgXs6erA8tj/EupPrgYx/+URvBAk4fsj5yROOTBKSiFPPiwqwQcH4Tg0jAMc90oMOv84J/MeENLm7eoJFx82H+ECFLpB6sEPAfzfJO77DgUy+e4E4OHo4AsIudkQXfzvUewn5/4cK9EU1dciCtTyFuwA1QPRz9fOGPYO2PvlG+4BRvgKDS8WuP2BLw7/6g7q2QQKBOEHHvMEs9QG4+ISBPMG9wc18r8KD8w8x/X87SAT4RXbG+geVu3zNA4xNEZ06VEgDPwMIewNDRwmQhVI4yJ/LkIkUyQJ3wb4Jvv3RCsJD+jc+dfTDwv8/zL0MtISKtotxfHQ0/PjHdwZOzvhFeoIKRj57sIA4h/p7e37GtJMJxxEHBsBHCT8LgH18d3ZFgoK8e0K+e8qMdAXSRHSNDcG8jwVGwnxO/roA+/o+fn0CM29QBAiGC0zMT8ZM0ln6gYNzxf4yQ/5QDc3RQx6JwBO5/gg0UZ/9skIGScQEOzn6NH6F+EVA+YY8ektyg0F1xjv+fYcyO7/AuUVJiw1H/QGAwws7u7X3ToNyBYJ+CVFPQ4NBQktF/0NA/7hr/3muRYc4+0vDPoj0wjy6+YVJ1Qc4P7pzADtGPYImRcC5APf6xP3VgYoZBMwK9gM5PDryd1g3PDGvdDTl87CwOXNCuHRwUy+xuHEBd8mDPyt10XVKd+9CdDP8BvpvaP5s1HNG39Po838F98G2B64Ar2c9i7r/9v8Dv+xxw2o2drfEru4EsMlvv3wCa7iD0rUyvn6w6Sss9mjrRIsutXv0LH2MVXD/wL9v+cg+lcfvQkGviDf+j4b978PDf3EIPkD+xw1MAtD+OgC6MDxEAT8KR369ckNBu8E58n9As4b/OUG+A0s8vIWBejiFdsLBtrkJOgAf+Yi99Xw+vP/+wMG3unhChAXzgLy5OL5GuoXCfgMIfUFEAwVEAYPz/v7FQERyeThA8rz3vEJABcQ0un69AzhIgYVKfwMx+P7Iwgx4tzKFurj8+cA++c0GRsQAvDqzP7dvw37wMHFiu7wvp+6twDO1KrpFOz/3LvMI9YE4eHo3w7IBvQSJ/zl/yv5KbkFYOnef6sF2QLQ4d7+2/UOBfDX71rvIDzp3Mb78PQOEPQJ3bvM5/7M7aucBgoCIxQ3GeH729XL4r3jKhf/2AXizgav9P/V8ccTA9ngSN/4/wck7AA6DioSy+qf/6+p5dOm+jNg/hJADp4gDeIUIj0Mf0cSHgY37swkEvd+/gf0Ix/49P/S7sHmzPmzHQu8UvL9EPojFAnn4C0G+AfNLfnW6zgIE/jIAvTw4sQD/dHv79gAAUV8I/MsCC0kPfIi8gC+7t28C8Lv4M8M/P0cLwjc5sf9VfIuAx325+UW6i0Y+cvOA+oUI8rZbFUtUhP8Y/NR56nn8by467/puOTe3Mbl2eLg0/+7vPy62OnSAP3iNhHtDBk58Rw57vIN+hNNDuHc8OPdGd3qIAMGMtPhNegPMBwvPBsIVDUVAkQQR04rDz4m3ursxQHYwxO2R1BJQuj6VEh4CBABLfohAwj/I80Tneve09IECQQCDeHKGucGeVUyGSp/Kyphv6yW4Pz8lMuwSP3XOgP/8fDfWw33IQkQ4wT6YRT2WhYNDiwCIhb6E+waGBgdJiwH+AX5A/H69yjo4S0aEgb2+wf6ChQC8BgH6br3APchGwIBMQgWBhQcHAcE6QMeENjxE+oU6tPj6BceEvQCFRr69PUmFvL1Chz5HxPn7PT2fwXzCBjpBenjAvIM2yMb/xQiH9788Rv2B+fmShnHWy0V2g8KfxLlIA4Z3wTdZkTcNiv84ucZTBzU6fAVzvTsYxn+B/YL9xfpBRdH2SU0JQ43Dfzu99f08fcC4PMOJfYf8RMfDh/jAQMWF//tBxARGxn+CtwhDu8fDhVBDfP77vcLAxHuDCEXIC8OQCwR6wITWgTcK+vt8u754RneEPQAEuPb5ggrCd4ZK/oVwwLey/gP5wHq17XGttqfx7S9z8/H+PHkw8nP3/jK9RoK4QnIH9vNy834/RYO+6LVyxXr5iX65dDBCuQO4O/P/QDkBCsOAiQiJhDG4fDx6BL1tai72v37s7H+8uXiJ/IQ2xQe/u3wAdvc79Ds9dvhge/g0y0NJB/X593eAwoz5doc3Sf4zSvxxq265LAGv9/p8ucF4f9UvLO3soHGwO3t6JPD0ry1uif/lP7jHtb+6OAYuPzKufEB7Df64uS004rnpSLv+ncD76LXJxe+CvbBrf/r9hz84r0rsv/XKe/3/Pbn+6DS8Osl3uDR8rYp51ZG1hAOocu7vEDvt7St25zniDMW+T+ZFc1b8bkW2vY4rNUPNzvZmtPe7uXe+fPApsvkHP/xHQLz5//1HPPcK+f48fD/UBrvOBUCAhgHNDPnFQwg4/79MBoICfb67vbt6wQftPAD3BcRJO4NPf0OCRfkNekGF+H4SfwpKhbzGBAEKgv/19/P+/zkDuHm+wbrOQkaHkkNAhgD8ATn5gUQBwEFEf4N8fsNfx73GvoJ9hjx/xccLzMvMBUs4Av+5hIV0wHp3N3t4KDU+r/x9aG8q46B0Jna97jH//7N29XMz9II5/gc5/c98v/zDMnuHeIx5jw70klMwFFF6+UdH9/hrAENKGAcCxMAAx047BL+5/P247q52uX70CT7oN7vQivs/UHsUB8dycchuea3+7/J1SxonPY3/TJJ+RtHEgAyyTo++9IbRgTdJQ7m5RQM+97+qAD9KUslEhkKF///8UzzMjn4C/ZH6yVCHlkXG/8u1AYbP/wA9uMV/BAFGOgFFdToFQgTOOL9DAwW8gviEOIjDQ0TKe3bR+4SHBfU/uXeCfTk8M0SOw406v4DDgRZMTnyE+zb+iLGG/gK2PDp5PP+Od4cHdIAfzwYKBfmExjmRhfr3BTvBwQI2PMBLfA0DyEqNwsT3MLasMi347vf2tbc1Nuw9M7l8cDtyui+0OO07ODdDs8FKfMW5AIb4Nb99wAO+dX/7M0EArId39oFExkk4An4T0c3/8zlQhIOESAPPxIcHy4l6gKw1OLC0Qq8ZVAiAw0rOjE6GxgB7PzAPOoM1u01v7Lt4NskCiH38+v9BwQDT1MnVjI3UCFHqdex7/EJgdX5QgDwFdX+zF0hf//29jJH0C7Xegy9DxZH0jUcPBH6E9MDyRPvfhQFH/AcBA75EvXz4wkzFDzlDxLr7tsbHOH/1fwaCRATBTPoHuDj7Prt8hL9ASb9/ejvCvEHAgYuKQgIAvopD9/l5CgrEQXdHgPtFCnu5CARVQX39QsV1PDv/Af+/wb/AfzVDPjiFwP+BQ8r38ywtLmk8bXA5ra87efQ4Nbc75fmtr/S0KGx9vIaBuYkGDELFA8s48EuFdoVJf4mMZomIuzvQRkFACoA7w8gdhY3ZfgoWe0z/Dn5AQA2MiAjx9W3x8Hm7LrvcDxkUBMPYBRB/uz56d7WMS3p6+JGo6zDw7cS/QwP9ckwCA7hQDM4UTZwI0lYncj6zyL5geK/MQwlBCJXBy5fQBQ2P+DNVhs0J/Ri5L8kMwMS/MMnH/0qMe/x3vz90/TXF/gEIvkcHvkaGdfm5dX+3NkbzwDs/wIEHAX09fra4b/uDwEN7uMKIg4TCvIeVzBIMWQU/BzO9dWgzwsACevpHPMFEwfp9+TSNQ0D/rEk6LcjBQ868+fzA/T209/pfyJJOvUnOzdZ3fbOD/fTzer1/ur6CAQJ4+8FPf7jDC0M7Aj1/h8VExICKy8HMxgQ9OUIExEU7v8B0Ovt5Nj4IPEYIiLv7fr/GiXzEQEvGTkvGkUlDiQ2MBcaAPrp6NzeCPnJ/RzgEyw5BfcKPAEEIPXw8w4r5w7z6vgT39zvfyni+OvL/xv5LU9cHSQcLgwR1PvB3t8BB+vx3OG+rajR0+TfyM7v4sXq+s3h0+sE2MO70rezzbLTCuQQ/hYgHPtIwO4hJuImEub0EbjpGrXaIgYEKAwE99YuKg9WEuIREkUvCDL67DACCSEo1ga2E9oFwdUHLyxfJLANYwNI8g3UANz7EgwK2+9Dgefrysb3EOXnBQ4JPQEAZyEZMzoSXEJak7qs/fgxytTVxlARMDTj8SD19nTmf90K+OX3w2gLLy8KLRIzITocMfvs/vgBFAfzHuzf9eYDACoDJfBT6h0L5tgEE/vwGgoMI/zzNjIdBiYR5SHq7ukPFeL0+PT3A/8vHvAMIyn73hD28BYGBTXsEeEKDCQQAfAtFxnQWOM/LgW4Se/29vP66RDy9wb2z9fWOP8EBusVQfv9I+IIC7HpGvEk3+n77NqBFe7nH6m914bCvegC+hkLDOAC3OoZ5QsF2bH83wTsGnEtqA1Cxi4p9sw4r9tEwA09Axj/BfU517zwxu/F0Lrf8rfh/N8kENs3E98HGBEHJgHr4ykb4gUA8QbeGdjq3hR7j8wDRRQ/MDBVseIcFD5X8A4BDQzM1RX80Nsp0fIzBig1/DpfVDVMEu0ORLcw/sUJ7Hl/0DDh/AO62R4s18bD7FjSAizV/v3SIM6xKfwCFTv7mxUN4tgc/SoEDf7LrjnW5Ooh/+zh9rDNs972yg3c0QjfDgZ++wkWCRkmIDVX7fPxtdad/B3Uzf661zEK+TgluObEW0n419jz3NVAtybt4kOhyxq9pUMlVTD190lBJwgMf/79w+v5ah3jSRwEFTUWC+34NfTbGRQSUiTt/wXA7w746xjqFisX7/EM/hfiwgsoHycY9hjs6fD0JNDfIQgG8PkY8Rn4KBcHEB4QDdr3GgEH6hMG4von+/L52/0VAhEO7AIV5BEBEQMXHgAABAzLPe0GKBUNEv3rTxLj+uXeA+r8DBLd8wHNFOXl/PLtEwYFPgUp8do0LdUeJtsp2SIxPiAMHvYM0/RTMwJH/L/d+dP39eL3vQYEDq+pJuP+VPIpNxr2E8wt7hjRxhXy0hT1BzsW18TLztX9xxT16/L9/MHuT1soAx3rWys/OVL8zNXb4rq40OzS+N70DtH6Cxb6N+GBWO0M5QYG6gofQ/cFDQ/XOQzbFAHZSjZGRhBKYfNYyuHsl6+51tq03ZoF9czk+sXe2uXN2erTtdHjCPTkGwv7NCX61OQy8NgdCREdEPET5an1Cq8K5PvpIPwVDTACJQ5IKxM2PBUV8T42BRMbHVYd58IH9gATzdLoUj5INx8sfzU3EAMk9BDnISIgGg0oy/IhusTvERvl/wTOF/7qOmtBOh8vPSdhpMfY0gANvNP3SejTNhXz3+v+UQUBLAfz2fjwSxPZKjcaExISEgj6CAnv1Qv8KToGFhMc8Qcd8z/28iMY+Sb6IPbw+e7yH/H45Ab+AhIB8fYTKR4K6xsDBvDtBQb47R4JB/0U1ekQB/H4IB0ZA/HfBvsd++8OEBcaTv8F+hXkf/vM/OX19e7g8NwF8w3+AQMS8/YMEx35CAoIQt/ZER8LyRcBTfcNJCMR7vsIYELuCjMIF/kBJwYLJyXr3fb9PDPsISARCez75SkC5yUA/w4Z+fj4KuME+hbzEQf9Fyr1DiAUJy7kF/8V9QQK4vXtEPnc9/oN2toM7gf0/fUgKRbiIOrsFhUREgLjFfLvCPsLfwUAAvjcwwTf8eT5zgP67f326ur27PzZLOQKzNPrYGJ/Mj/uKqu1J+MFBOtb4ifKeqekXvhvGFzK+//GSxbeANyngdKl9TZpopFFvPMkXRXYFPwyk5NVlCxaTiLyIA20jDL7NrH5z75DGR83ij6vNsj1QYEJ68zANdHz", "NJOOPBSqnDwiPoo8X22GPBmUNsCVlZw/PdaFv7Qwwr/E91E7+7LuO1uhqTsN35Q7KxDfO+CkUDxegCk7g0KXO2mVND52pn4+nmeBP9+t77zxTlI/VG3uvv+WEb8xhiq/t1OBO52zvjuyhFs7w5dIO67IVDuBHCY71XnPOvil6jpV+vM6xOWZOshEEjtQEwQ7FcOVO7LSVTsUW9c65mrjOiNbF717uGk8yGRWv/gBPb/vAMK/SIfTP2BxbL8Hj/E/fFaQv49b0T6qHzVAUziXv3nriD+agZm/f8OzP1B1mT5n+J869QwQO7zjijrLHSU7paHrOtzPBju8ELs69VxMOyb6tzqIzOA6fnuDOq3nATuKVR87eiy/Orr3mzpq5P860KiqOjmZGzuAW4w6PnswO7xmbzpjHP46tS3nOt1Hozph1z07eZTdOkdq3TrXskc7ZuXsOlNGljrXkzs7uuohO0aBiz9ZnJy/saf9PY78nT6RZtK/Cnmbv7g8DkC5DU4/ViIDQCf4Nr9CKfs+ZvCRv6Bg5r/SaiJA4xcOQGqNXb9TYok/Uarpv2XrbT8hVri/BHk2P4L0eb+aD7W+gyWEP+dR4L8tboQ/TtzsvAQ6jr9TJhK/7GzsPjreo79qvk6/S0BFOyYfPTvL7lw75NUxPtjZhT3GeDk9"],
  };
  const CELLS = {
    white: "yM3JxsvJxsrNxsnHw8vIwcvHwsnIxcjPxsjKwsfHxsXPw8XNwsXMwcXKwMXDv8XIvMXHvsXBw8PNwMPKv8PIwsHJwr7NvcHLvcLEu73Iv7jJvbPEtbXEs7HCuazFtqO+qqnAqaO+tJzCspyvspW+sZHGqJy6qZW2p5G9q4jJoIfFo4DPoXnbkYK+iXfFjnLPfXLDiWzRe2zJdWzDc2nEgWPRd2TLc2bIc2DJbmfEbGPGa2LDa1/EZV7AZlrDXVa+ERUUEREOExcXHSMjIyMnIyMjIyMjIyMbFQoECQkNCQ4OFA4REQ8TFxYdJiQnJyckJCMjIyMjIxsSCA4JCQsLCAkOERERDg4YGh4mJycnJCQkIyMkIyMdFQoICQwLBwcHFBERGA4ODhQdHyYkJSQkJCQnJCUkHxoKCw0NDAwHCgsRERgRERAQGR8mKSwsKSUkJCUpLCwlGhYSEhcNDAgCDBQUFxAPEBceJSsxNTUsLCspKy81NSwlGhYZGQ8JBQUDFxcUFBMXGikvNj06NzIxMSwvNzc4MSslHhoZFw4JBAYPFBMPDxcgMDw+PzsyMjY2MTE6NDIvLCklIhwZBgQGBw4OFA0XGS09Pj4/Pzo3OTQ0MjYyMTExKyUmHRcEAgIHEREODxkdMD0+Pj8/Pjk0MjM3Ojc2ODgvJSIeEgcLAQcPDg4YHCEzPTw/Pz86NzYxMjk7OTQ9PC8pJB4WCwsGCA0ODxgdLTs9PT8/Pzk3ODIwND09Ozs4MSkkHhYLCAMDDhEOGR0uPT09Pz0zMDM7NzI0Oz09OjY1LCUeFgoKCAMNDhQZITA9PTszLSoqLTAzMDAzOz0zMjYsJSIWCgoICA8UFRwmMD05MC4rKSgoKC0tKzI6Mi4vMislIhoKBgMDEQ4YHSgwOzIvLCwsKSUlKCouOjYyMTU2KyUkHgoIAwMQDxUdJy0zMjExNSwsLCkpKjM8NjI2ODYrJSgeFgoJAxMTEh0jJy42NjY8ODUxLCsqMzw2Njo6OyspKB8WCgMDExISGycoLTI7Oz09PDUsLCowOzc3Ojk0KyUoHxYKAQMTEhIbJy0qMDs7Oz09ODEsKyszOzk6NDAqJCQfFgoCAQwLEhkjJycuODs0Oz0+ODUxLDE7OzswLSUkIx8aCgcCDAkMFR0nKC0yOzM5PT4+Pjg1MTI0My0lJCQiHhYKBwIMDQ0LGSMnLS44NDk9PTo+PDYyLy8qJSUkJB4aCgoIARINCQwUHSMnLTM0NDk7Nzo6Nzo2LyUiIiIfGxYKBwgBFBQNDQ0YHSMnLS0wMzo3OTk6OjcvJSIfHx4aEgoCBQUYFBQPDg4RHSMjJyctMzMzMzQzMCslIh4aGhYTBgQFAxcXEw8PExcZGx8jJyctLS0tLSgoJSIiHhoWFwwIAQMDFBQTDxcXHBwaGRwdICEhJicnIyQkHx8eGhYSBwcCCAMPExMUGRwgIB0ZFhIYERkbHB0dHR0bGxkXFwsHAgICAAwLEhkcHSAgIBwXBwcJCQsJDhEREREREBAQDQICAQAACQkNFxwgICAgHBcMBgYHBwcCAAUFBQUFBgUEAgAAAAAOBg8ZHSEhISEdEAUGBwIBAQAAAwQEBAICBAEAAAAAAA==",
    red: "1tTL0NLN0M/Kz83JzM3Ky83Kyc7IyMzHw8zGy8vMzMvDxsvKxcvGxMrHwcrHxMvEzMbGxMjHwcjGwMXEysG9yL21xL/Bwru7xLi/xrmww7S+xLSuwLi8vbi8v7O/v7S0v7C+wLCsvqq4v6qlu6y6u6ypuqiruKeqvKSyu6Siu6Csu5+dt6Ott6Oft56stZ6ctpuxtpqot5qftpeqtZectpmWtZeStZaStJWVtJWPtJScs5OTsZGVs5OPspKMsJKPCw0PDxMdHRMREQwNDAwNERISCwsNEhITDw8KCgAUJi4HCw0MDxMRDA0NDQ4SEggPCw4SCwsNDxEKCgoKChsyMQcLCw0PDwwPDg4OCA4OCA8NDhINCw8KAwoQFhcZKTQ6BgsLDQ0NDQwSEg4ODg4IDw8PDwwHCgoQEB4kIiEpNDoGCxERDQ0LCw4ODg4ODggPBwcGBwMQEBgkJCIhISkvNAELEhINCw0LCAgPDw8IBgcGAgEJEB4kJCgmJiEjKS80AQwTEhINDQsICA8PDwYEAwMQGCAkJCgoJicjIyMpLzQBBxMTEw0MBwsNBwcHERYWICQwMDAwMDAsJyUlGyMtLwIFExMPDw8MCwsFDBYYHiAiKDAwMzAwMC4oIh8ZGSMvAQUTEg8PDAsFCREWHB4eHyYsMTEzMTExLigkFwoKGS0BCREPDwwLCQMWHh4cHB8fJSktMjMxMS8qMCQYAAAUIwAECwsMCwkJEB4eHhwcHx8hKS0tMTEtKScoJBgCAAojAAULCwsJCRAYHh4eHRcXFx8mKS0pKSknKCIgGAMAFC0BBwsLCQkQGCAgIB4cFxQUHycpKS0jJSYiIiAYEAMfLQEHBwkJCRYkJCAgHh4WCgofJy0pKRsbJSIiIBoUFSctBAcHBwcKFyQgHh4YFhACCh8tKSkuISMjJSEfGRUbKS0JBQcHCgocIB4aHBcWCQIDGS0pMS4bIykjJR8ZGSEpLQkFBwYGChceGhgcFgkJBAMZLS8xMSoqKikmKCAZISMtCQULCwQKFx4YGBcRCQkEAhUtLy8yMTEqKSoqIigjIykBAQQFAxAcGhcXFgQECQIAFC0vLzUyMjIyMTMzMCgqKwkBAQEAEB4aFxYWAQIKAAAVLS81NTQ0NDg0OjozMzMxFgkJAQAQICAaGBYBAAAACiEtNTU1NDo6Oz88PDw8OjMgIB4YFhwiJCAeGBABAxQhJykrNTY4Ojs/Pzw/PDw6OiQkJB8fHygoIiAgHhogJiYpKSs1Njs4Oz8/Pz8/PTk6JCIiHx8bKDAoKCQkIigmKSsrKzU2ODg9Pj4+Pj85OTUiHx8fHxkmLDAwMCgoKikrKzI0Njk3Nz09Pj4+Ozg4NR8fHx8fGSEoMDAwLiouMTExMjQ4OT09Ozs+OTk2NTU0HxwXHBUVGSEqLjExMTEzMzI0ODs+PTw6PD0+OTc3NTQfHBcXFRUZGSMpKSsrMjEzOjo4Pz07PDw8PTk5NzY1MhcfHBcUFxkZGyMpLSsrNDQ4ODs9ODw7Ozg3OTk5NjU1Hx0YFhAWGRkZGyktKys1Njs7PT08Oz03OTc3Nzk2NTUfHRgWEBQZGRUbIy0rLzU1Nzc7Ozw7PTc5Nzg4Ozg4OA==",
    platelet: "wMfCwMbHwMbBwMXJwMXGv8XDv8W/v8TKv8TIv8THvsTHv8TFvsTBw8PKv8PNv8LMvsLMvsHPwcLGvsPIvsPGvsHFvMa9u8W/u8TCu8S8vMPCusO9vcLJvcLEusHCusG7t8K8vcDNvL/Hu77Iu8DBu77Cub7Btb6+t7+2tL61tbrDtLu5sLq2r7e5rrTBq7HBq7Oyp63BpK2woqe/n6etnKC+m6Gwl5q/lpuuk5S+kZWzjo/DjY+3iorAiIfBhILFJRwPDyEjIyMhHCImJysgGykoIB4eJygfJiUiDw0SEiUlFQ8PIiMjHCIiIyotLSsgLCwrJycrKycnJiMcDRISJCUVCBQiIiIcIiUqLzAwLSstLS0uKi0rJyoqIxwSFRIkHQsLHSYkHSIlKi4xMzQyLy8vLy8uLi4qKiojIyIVEiQaDAIMHx8kJSotMTM1ODYzMTMzMTExLy4uKiojIiUVGhoXFhkoHxsnLTAzNTo6OjU1NTU1MzMxLy8uKiMjJR0dDBcWGR8ZGyctMjU3OTk5Nzc3Nzc1NTMxMS8uKiolHR0FDAAWGRYbJy82Ojk9PT07Ozs7Ozk3NzMxMS4qKiYeHRgYFhYZFiAnMTY6Oz09Pjs7Oz07Ozs7NzUzMS4qJiUeGBgXGRYWICoxNjo7Pj4/Pz8/Pj49Ozs5NzUzLy4qJiUYGxkZGRYgKjE2OT0+Pz8/Pz8/Pj07Ozk3NTMvLicmJAIZGRYWFhsqMTY6PT4/Pz8/Pz8+PTk5OTc1My4qJx8ZBgYWFhkWGyovNjo7PT4/Pz8/Pjw8OTk3NzUxKiYfGRkGGRYWFhkeKi81Ojw9Pj4/Pj48PDo6OjU1My8qHiQGBgwXBgAZGSAnLzM4OTw9PT09PDw6ODg2NjQxLiYdGgICDAwAABsbICctMjY6Ojw8PDw6Ojg2NjQ0Mi0nJQsLBAAMBQUMFyAgJy0yNDY4Ojo6Ojg4NDQ0MjIwKyYmHQoBARoLBAUYGB4nLTAyNDY4ODg4NjQ0MjAwMCwnHh4UBwcTCwsLFBQYGB4nLDAyMjQ0NDQ0MjAwKSkpKR8dExwRISEUFBQUFBgYGCAgKSwwMDAyMjAwMCkpKCgoJBMcEREREQkUHR0KHRgbICAoKSkpLDAwKSkpKSgoKB8kExwRERERAxQdFAEaFxcZGRYbHygpKSkpKSkoHxkXJBwQIRERDg4DCR0LAQUCBgYGBgUMHx8fKCgoKCgZBgUTEBEREBAIBAMJFAsEBAACAgIABAwkGx8fHx8fGRkGBRMQEREQBxMLCAgICAkDAQQEBAQBCxoaDAwZGRkGBgYEExAODhAHFBQIBwMICQgDBAMEBAELBQUFGgwMDAIMBQkTEA4OEBMdHRMHAwgICAgICAcDAQsLCwQdGhoaCwsLExwQDg4QEx0aFAMDCAgDCAgHBwMECwsEAwkJCQkICRMTEw8OHBMTHRoFAQELCwMICAgIAwQJFAkDCAgHBwcHHBwTBwgUExMUHQwAAAULBAsJCQgDBAkUCAMHBw4ODhAQEAcHEx0TCQkJBgAABgUECwsLCQMDCRMIAwcODg4OIRAODggUHQsDAwMMAAAGAgIFBQULBAMJFAgDBw4ODg4QEA4HCBQdCwMDAw==",
  };
  // patch: end
  const SIDE = 64, CHANNELS = [3, 4, 8, 16, 32], CLASSES = ["red cell", "white cell", "platelet"];
  const SQUARE = [2, 10], PATCH = 16, GREY = 190 / 255;
  // Anchors of matplotlib's "viridis": none of them is the violet of a stained nucleus where the map is strong.
  const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  /* Convolutions and head: {w: weights, b: biases} each. */
  function unpack([whole, floats]) {
    const numbers = new Int8Array(bytes(whole).buffer), factors = new Float32Array(bytes(floats).buffer);
    const layers = [];
    let n = 0, f = 0;
    for (const [inputs, outputs, size] of shapes()) {
      const w = new Float32Array(outputs * inputs * size);
      for (let i = 0; i < w.length; i++) w[i] = numbers[n + i] * factors[f + Math.floor(i / (inputs * size))];
      layers.push({ w, b: factors.slice(f + outputs, f + 2 * outputs) });
      n += w.length;
      f += 2 * outputs;
    }
    return layers;
  }

  const shapes = () => [...CHANNELS.slice(1).map((outputs, i) => [CHANNELS[i], outputs, 9]), [32, 3, 1]];

  /* The same network with random weights. */
  function forgetful(seed) {
    const { normal } = random(seed);
    return shapes().map(([inputs, outputs, size]) => ({
      w: Float32Array.from({ length: outputs * inputs * size }, () => normal() * Math.sqrt(2 / (inputs * size))),
      b: new Float32Array(outputs),
    }));
  }

  /* A cell as the network gets it: 32×32 colours from a palette of 64, enlarged. */
  function picture(text) {
    const raw = bytes(text), image = new Float32Array(3 * SIDE * SIDE);
    for (let c = 0; c < 3; c++) {
      image.set(enlarge(Float32Array.from(raw.subarray(192), (k) => raw[3 * k + c] / 255), 32), c * SIDE * SIDE);
    }
    return image;
  }

  /* 3×3 cross-correlation with zero padding; `back` goes the other way, for gradients. */
  function convolve(x, w, inputs, outputs, side, back = false) {
    const y = new Float32Array((back ? inputs : outputs) * side * side), area = side * side;
    for (let o = 0; o < outputs; o++) for (let i = 0; i < inputs; i++) for (let k = 0; k < 9; k++) {
      const dy = Math.floor(k / 3) - 1, dx = k % 3 - 1, weight = w[(o * inputs + i) * 9 + k];
      for (let r = Math.max(0, -dy); r < side - Math.max(0, dy); r++) {
        let to = o * area + r * side, from = i * area + (r + dy) * side + dx;
        for (let c = Math.max(0, -dx); c < side - Math.max(0, dx); c++) {
          if (back) y[from + c] += weight * x[to + c]; else y[to + c] += weight * x[from + c];
        }
      }
    }
    return y;
  }

  /* Everything on the way to the scores: feature maps of each block, and where pooling found its maxima. */
  function forward(layers, image) {
    const maps = [], places = [];
    let x = image;
    for (let l = 0; l < 4; l++) {
      const side = SIDE >> l, outputs = CHANNELS[l + 1], half = side / 2;
      const a = convolve(x, layers[l].w, CHANNELS[l], outputs, side);
      for (let i = 0; i < a.length; i++) a[i] = Math.max(0, a[i] + layers[l].b[Math.floor(i / (side * side))]);
      const at = new Int32Array(outputs * half * half);
      for (let i = 0; i < at.length; i++) {
        const r = Math.floor(i / half), first = 2 * r * side + 2 * (i % half); // rows of all maps below each other
        at[i] = [first, first + 1, first + side, first + side + 1].reduce((best, j) => (a[j] > a[best] ? j : best));
      }
      maps.push(a);
      places.push(at);
      x = Float32Array.from(at, (j) => a[j]);
    }
    const area = x.length / 32, means = Array.from({ length: 32 }, (_, k) => x.subarray(k * area, (k + 1) * area).reduce((s, v) => s + v) / area);
    const head = layers[4], scores = CLASSES.map((_, c) => means.reduce((s, v, k) => s + v * head.w[c * 32 + k], head.b[c]));
    const powers = scores.map((s) => Math.exp(s - Math.max(...scores))), total = powers.reduce((a, b) => a + b);
    return { maps, places, scores, chances: powers.map((p) => p / total) };
  }

  /* Mean gradient of a class's score over each feature map of a layer (0 to 3): the α of Grad-CAM. */
  function alphas(layers, { maps, places }, kind, layer) {
    let pooled = new Float32Array(places[3].length), gradient;
    const area = pooled.length / 32;
    for (let i = 0; i < pooled.length; i++) pooled[i] = layers[4].w[kind * 32 + Math.floor(i / area)] / area;
    for (let l = 3; ; l--) {
      gradient = new Float32Array(maps[l].length);
      places[l].forEach((j, i) => { gradient[j] = pooled[i]; });
      if (l === layer) break;
      for (let i = 0; i < gradient.length; i++) if (maps[l][i] <= 0) gradient[i] = 0;
      pooled = convolve(gradient, layers[l].w, CHANNELS[l], CHANNELS[l + 1], SIDE >> l, true);
    }
    const size = (SIDE >> layer) ** 2;
    return Array.from({ length: CHANNELS[layer + 1] }, (_, k) => gradient.subarray(k * size, (k + 1) * size).reduce((s, v) => s + v) / size);
  }

  /* A map of side × side values at 64×64, interpolated bilinearly. */
  function enlarge(map, side) {
    const big = new Float32Array(SIDE * SIDE), scale = side / SIDE;
    const near = Array.from({ length: SIDE }, (_, i) => {
      const at = clamp((i + 0.5) * scale - 0.5, 0, side - 1), low = Math.floor(at);
      return [low, Math.min(low + 1, side - 1), at - low];
    });
    near.forEach(([r0, r1, v], r) => near.forEach(([c0, c1, u], c) => {
      big[r * SIDE + c] = (map[r0 * side + c0] * (1 - u) + map[r0 * side + c1] * u) * (1 - v)
        + (map[r1 * side + c0] * (1 - u) + map[r1 * side + c1] * u) * v;
    }));
    return big;
  }

  class GradCamExplorer extends window.CourseExplorable {
    static label = "Where does the network look?";
    static help = "Drag the round handle to cover a part of the cell, or focus it and use the arrow keys. Click a feature map to switch it off.";

    build() {
      this.networks = { clean: unpack(NETWORKS.clean), marked: unpack(NETWORKS.marked), random: forgetful(7) };
      this.pictures = Object.fromEntries(Object.entries(CELLS).map(([name, text]) => [name, picture(text)]));
      this.sheet = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
      this.main = this.stage({ label: "", view: [0, SIDE, 0, SIDE], draw: (context) => this.drawCell(context) });
      this.handle(this.main, {
        name: "cover", label: "Move the patch that covers", colour: "sky",
        where: () => (this.covers ? [this.cx + PATCH, this.cy + PATCH] : null),
        drag: (x, y) => this.place(Math.round(x - PATCH), Math.round(y - PATCH)),
        keys: (dx, dy) => this.place(this.cx + 2 * dx, this.cy - 2 * dy),
        value: () => `left ${this.cx}, top ${this.cy}`,
      });
      this.grid = this.stage({ label: "", view: [0, 8, 0, 4], aspect: 2, draw: (context) => this.drawMaps(context) });
      this.grid.canvas.addEventListener("click", (event) => {
        const [x, y] = this.grid.at(event), k = Math.floor(y) * 8 + Math.floor(x);
        if (k < this.weights.length) { this.chosen = k; this.flip(); this.changed(); }
      });
      this.key = this.text("key", this.stages);
      this.cell = this.choice({ name: "cell", label: "Cell", options: { white: "white cell", red: "red cell", platelet: "platelet" },
        change: (value) => { this.name = value; } });
      this.net = this.select({ name: "network", label: "network",
        options: { clean: "trained as usual", marked: "white cells were marked", random: "random weights" },
        change: (value) => { this.kindOfNet = value; } });
      this.asked = this.select({ name: "class", label: "explain the class", options: CLASSES, change: (value) => { this.kind = Number(value); } });
      this.depth = this.slider({ name: "layer", label: "layer", min: 1, max: 4, format: (l) => `${l} (${SIDE >> (l - 1)} × ${SIDE >> (l - 1)})`,
        change: (value) => this.setLayer(value - 1) });
      this.blend = this.slider({ name: "blend", label: "map over image", min: 0, max: 100, step: 5, format: (v) => `${v} %`, change: () => {} });
      this.square = this.checkbox({ name: "square", label: "white square in the corner", change: () => {} });
      this.coverBox = this.checkbox({ name: "covers", label: "cover a part", change: (on) => { this.covers = on; } });
      this.which = this.slider({ name: "map", label: "feature map", min: 1, max: 32, format: (k) => `${k}`, change: (k) => { this.chosen = k - 1; } });
      this.flipButton = this.button({ name: "flip", label: "", click: () => this.flip() });
      this.numbers({ chance: "probability", maximum: "map, maximum", ratio: "map on the corner" });
      this.note = this.text("note");
    }

    reset() {
      Object.assign(this, { name: "white", kindOfNet: "clean", kind: 1, covers: false, cx: 2, cy: 2, chosen: 0 });
      this.cell.value = "white";
      this.net.value = "clean";
      this.asked.value = "1";
      this.blend.value = 80;
      this.square.value = this.coverBox.value = false;
      this.setLayer(3);
      this.depth.value = 4;
    }

    setLayer(layer) {
      this.layer = layer;
      this.off = new Set();
      this.chosen = 0;
      this.which.input.max = CHANNELS[layer + 1];
    }

    place(x, y) { this.cx = clamp(x, 0, SIDE - PATCH); this.cy = clamp(y, 0, SIDE - PATCH); }

    flip() { if (!this.off.delete(this.chosen)) this.off.add(this.chosen); }

    /* The image as the network gets it. */
    seen() {
      const image = this.pictures[this.name].slice();
      const fill = (x0, x1, y0, y1, value) => {
        for (let c = 0; c < 3; c++) for (let y = y0; y < y1; y++) image.fill(value, c * 4096 + y * SIDE + x0, c * 4096 + y * SIDE + x1);
      };
      if (this.square.value) fill(...SQUARE, ...SQUARE, 1);
      if (this.covers) fill(this.cx, this.cx + PATCH, this.cy, this.cy + PATCH, GREY);
      return image;
    }

    update() {
      const layers = this.networks[this.kindOfNet], side = SIDE >> this.layer, area = side * side;
      this.image = this.seen();
      this.result = forward(layers, this.image);
      this.weights = alphas(layers, this.result, this.kind, this.layer);
      const maps = this.result.maps[this.layer], sum = new Float32Array(area);
      this.weights.forEach((weight, k) => {
        if (!this.off.has(k)) for (let i = 0; i < area; i++) sum[i] += weight * maps[k * area + i];
      });
      this.cam = sum.map((v) => Math.max(0, v));
      this.big = enlarge(this.cam, side);
      let inside = 0, total = 0;
      this.big.forEach((v, i) => { total += v; if (i % SIDE < 18 && i < 18 * SIDE) inside += v; });
      const ratio = total ? inside / total / (18 / SIDE) ** 2 : NaN, { chances } = this.result;
      const best = chances.indexOf(Math.max(...chances)), top = Math.max(...this.cam);
      this.show("chance", `${number(100 * chances[this.kind], 1)} %`);
      this.show("maximum", number(top, 3));
      this.show("ratio", total ? `${number(ratio, 1)} ×` : "–");
      this.which.value = this.chosen + 1;
      this.flipButton.textContent = `Switch map ${this.chosen + 1} ${this.off.has(this.chosen) ? "on" : "off"}`;
      this.key.textContent = `Feature maps of layer ${this.layer + 1}; + speaks for “${CLASSES[this.kind]}”, − against; crossed out: switched off.`;
      this.note.textContent = `The network says: ${CLASSES[best]} (${number(100 * chances[best], 0)} %). `
        + (total ? `Of the map of “${CLASSES[this.kind]}”, the upper left corner holds ${number(ratio, 1)} times its share.`
          : `Nothing speaks for “${CLASSES[this.kind]}”: the map is 0.`);
      this.main.label = `${this.name} cell with the map of “${CLASSES[this.kind]}” over it.`;
      this.grid.label = `${this.weights.length} feature maps of ${side} by ${side} pixels, ${this.off.size} switched off.`;
      this.say(this.note.textContent);
    }

    drawCell(context) {
      const most = this.blend.value / 100, top = Math.max(...this.big) || 1, area = SIDE * SIDE;
      this.paint((i) => {
        const at = this.big[i] / top * 4, low = Math.min(3, Math.floor(at)), opacity = most * at / 4;
        return [0, 1, 2].map((c) => 255 * this.image[c * area + i] * (1 - opacity)
          + opacity * (VIRIDIS[low][c] + (at - low) * (VIRIDIS[low + 1][c] - VIRIDIS[low][c])));
      }, SIDE);
      context.imageSmoothingEnabled = false;
      context.drawImage(this.sheet, 0, 0, this.main.width, this.main.height);
    }

    /* Fill the sheet: colour(i) gives red, green, blue of pixel i. */
    paint(colour, side) {
      const context = this.sheet.getContext("2d"), data = context.createImageData(side, side);
      for (let i = 0; i < side * side; i++) data.data.set([...colour(i), 255], 4 * i);
      context.putImageData(data, 0, 0);
    }

    drawMaps(context) {
      const { grid } = this, side = SIDE >> this.layer, area = side * side, unit = grid.x(1) - 4;
      context.imageSmoothingEnabled = false;
      context.font = "bold 13px system-ui, sans-serif";
      this.weights.forEach((weight, k) => {
        const map = this.result.maps[this.layer].subarray(k * area, (k + 1) * area), top = Math.max(...map) || 1;
        const x = grid.x(k % 8) + 2, y = grid.y(Math.floor(k / 8)) + 2;
        this.paint((i) => { const v = 255 * map[i] / top; return [v, v, v]; }, side);
        context.drawImage(this.sheet, 0, 0, side, side, x, y, unit, unit);
        context.fillStyle = context.strokeStyle = weight >= 0 ? "#E69F00" : "#56B4E9";
        context.fillText(weight >= 0 ? "+" : "−", x + 3, y + 12);
        context.lineWidth = k === this.chosen ? 3 : 1;
        context.strokeRect(x, y, unit, unit);
        if (this.off.has(k)) {
          context.beginPath();
          context.moveTo(x, y); context.lineTo(x + unit, y + unit);
          context.moveTo(x + unit, y); context.lineTo(x, y + unit);
          context.stroke();
        }
      });
    }
  }

  define("grad-cam-explorer", GradCamExplorer);
})();
