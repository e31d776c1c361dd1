/* <sam-explorer>: clicks and boxes as prompts for Segment Anything (Kirillov et al. 2023,
 * https://arxiv.org/abs/2304.02643). Needs base.js before it.
 *
 * The network does not run in the page. All masks are answers of MobileSAM, asked beforehand by
 * training/micro_sam_clicks.py and kept at half the resolution.
 *
 * The picture is a part of StarDist's example image img2d.tif, with its annotation mask2d.tif:
 * Copyright (c) 2018-2025, Uwe Schmidt, Martin Weigert. All rights reserved. BSD 3-Clause License, see
 * LICENSE-stardist.txt in this folder.
 *
 * @name sam
 * @about Clicks and boxes as prompts for Segment Anything, with masks computed beforehand (chapter 13).
 * @modes click box
 * @poster
 * @poster check mode-box; fill margin 2 */
(() => {
  "use strict";
  const { define, clamp } = window.CourseExplorable;

  // answers: begin (written by `python training/micro_sam_clicks.py`)
  const SIDE = 96;
  const STEP = 8;
  const MARGINS = [0, 2, 4, 8, 12];
  const BOXES = [[1, 57, 40, 88, 61], [2, 2, 23, 25, 47], [3, 38, 62, 69, 85], [4, 38, 39, 53, 60], [5, 53, 7, 70, 28], [6, 20, 6, 41, 31], [7, 56, 35, 73, 54], [8, 68, 7, 94, 35]];
  const PICTURE = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAQDAwMDAgQDAwMEBAQFBgoGBgUFBgwICQcKDgwPDg4MDQ0PERYTDxAVEQ0NExoTFRcYGRkZDxIbHRsYHRYYGRj/wAALCABgAGABAREA/8QAHAAAAgMBAQEBAAAAAAAAAAAABgcDBAUIAgAB/8QANxAAAgIBAgUEAAQEBQQDAAAAAQIDEQQSIQAFBjFBEyJRYQdxgZEUMkKhI1KxwfEVFuHwYnLR/9oACAEBAAA/AOYgkuNjiXGwJo8vQIkdE11YZg9Ej2iqqwAa2A41cTHVnHqSyNjqz3dKJAdgS3nVWraqPk8FfI+WifOgxUR2aZqCyASSH8idyL3O5IvtuK6F6J/AXKy+VpkZERjhkWyrhmZVFUbHnwL38XXG9zr8Clg5cyx46yQ6TSFLK2CO3z24RvW3RkvK3E8pnVICX9EJZHyAWO90L+ieFjzTFhgSeVpiVeQOFFWzb+22/wDqLPnYAHjEmM+McfTirL/EM0JeNf8AMw0+3V3pixs33rTx9MwD5zyS4+OgNKyuVXWP637WQfbYJJsXVUM3DdYMu8KR5xI6wlJHGuIgs5u9rAYkk77bWN+J48maLF/h5ISGR1EscDe0PVlS1UCRX38AWOPmlR4oMZ43lR0TUWFkC1IBarIIH3TNvuRxpwMZZ4MzEJVXRSHhBKEAMLG5Cq1LZ+KPjbRwsIziGSTHKqrk2FKqqsSwHgtX5WN6Pu4aHQOKI+psSbKV9OosNZ3JJY0Ttd7ADbuPnjuL8POe4OXjx4rK3qFASWHfvu3x8f8AHBhz3TNy1vSeIlPcBq3J/Tjlb8U4saXKy5BHGkZDEHa173v53+jxy7zxHjnWSDS+rXoUl6f49vmtKgkk39XXAhOITDIkUjCOFVHpBinphW9w+2sADv27sNuIR6EE3r5GXDBld3VGLgISxVnFKSTWm/va74rpDHDA0XL0lWIj0FSOiYiQ1ta7Aar7gjZdjx7eEy5Sz40RYshZlJJ2VgAKBJBA7n8gdr4iVPUb+CKCdmdXyUxmS7BIAdQSxGoA7Dsu9jYk/LMP+KjOVikk+orSsaLMKBJYBbFf5dr1bdweGJ0/0jNkxCTEWRohGp1ID79TGqo/BFWO3z24J8Hp7M5LIJ/VDoo/mPijsBZO9/P1+fDb6T6mblcccjzjSCfaWChb3HnubH6gDg85h+KeOnLFx8e/VkUanJUgbf3/AE4QPXHVMMizFMoCaVQ7a5NRK1XeiO293wgOdvHJLM88ETQOWVUddPqAPoJsjsFe9z5JNXfGN/EwSOMaTlxLPckOM6IC+lgWcAX3JsWNyQdiDxSUrk8uTGl0sZFJ97AuGYhgAdX/AMhVe0UK7g8SPEsEzaAMoMNDSaKVAGAohjqLFSoAPcr44hxRIuPeQYWMrFoZNOiRxYskVsSQR+R+ieIuYuVWOJMd3ijj9I5GO506BuUJ8M2wrcjV81TD6dxMKfnOPiSNFGS+rQ6g2Nm7V3BPn7+66T6V5fEvL1n0ppoKSCVr3GzW5v8AK+N/M5NHzPEGUsIjV1PtIAOmxQPg+fPk8LvqjH/6dIMjAlRFshgfdQuvA/Ifl+fABldXc0OM6R5NV2KLbb2KIonwbHYVZ7cDnMMz1phkZUrTMpINVv2YAUbYHY7Hf7ocDzyvK7tFPlRwR0LdQzPsVoqwO2prJJUHT8XePHHlyc4TGkSJfR1pIUBUs9kkkAdyDGaI2925u+JGxXlzYfRRIZ5Y1LRMgPrOGVSWJ+KO11bVue1HJV05gZXVZE9T0mkmW2j3Kg7De+xNjcfZA8jGU8rOW2Xku6uyUG9xbUykAAbkM1kEEmrO9VHHHHDEmMIIVUDQEVCgLuuzAKLVaFU1C77e2zTp/LlxcoxSyvIIl/lYW1AaQSADR2I2H9J2F7PXpvquM4MEJIjQBS3qG9JNEp371/wODmfqPEixyf4iXUu9o/tNA3sf9v8AfhW9adTYmRDMmNM+QHsOUPY1feqG1b3VnuLNrWeeHIkAWVQHAADKGIFWdxsNgRsDQBO3bi7B0zlc1gdcdZhCoKKGjrSRqF18dt9tzv4r9n6P5hDFKJuWeizRMrSxBiSW2sC+5N9z8CiaIHeY8rz4ZnE8AAO4kQWbBGnUKFiiTsSQFPexxQx+VF4zCuFJjlydXq+9VAP8o8bjyKJBPzY8S8oXD5ks0gLSMVfXp/xJDenYXpXu2+2y7mzfEMuFK+O4hnQTrYkAk1m9PayRVE7bLsB/KDxlxYsMXMG9RWRo4/SjZV1DSEpYwRQNgiqAIrgkxNAmT0gmoMupHS96P2Se33v+nBDjZOY2nRlNqAX3rqVg21tRruQdq8muLRyZ0DQPLMCpFAnyAa+L2ZifkCzW3GRPkzmdmnf1YpSIxGjEl9zuw3Bvc+KseeNrpjEabmkSTRj1ciZSzh2INqFuj/Kdjt9ffHVHTfSuFk4sbyRr6JT2slqD47+TYO/GjJ0mk/MZpo8aOSBCDbfzEja6P7j9PvhO/iL0rHg5nrJBHA5IBMPaxutj4v8AubrbgJ5J0j/ESPI8elLpZZTubWjQHjck/rQ4K8jpTBij1aQ+pqZa3PwT+2+37UeF51jyOPlyeolwOCGAjUgFjsFND5awL2IG3cFa5GHFHIGlgDEihIq7qtEMCRuWJa+/c/mQbcl5TLnZqrDNLNMZWBDgLuTf+UEgatvoUPJLn5N+BHWHNVEkPLJUhdSVDDbTRA79u9dj54pdUfg91F09lyNPhGNkHvoXq3FEdwB+3c/Oyz5hyuSCdUljiWxrEumvcdJBv4ve/FCuI+TCWLmCMNDyxsWYqL0sBYJI8+7v5HgVfHRfSnXeTD06yypK0ho+1DVAdz8/8XxqZH4gQQK+NJiyq4I0kAAfYP63f39ngA5zzvK6n5nHDkIIo2IRIlc0DvVef+PPBNy3lsEGD6bxsCqkMpZTbXe/6/PFV4im8pVjRBDKDvff47j8q4Vf4g5sMgfGQKFa5JVUi2AoAX8UD+/3wnsyMzzems0sIZ1k1iQWrH2jbV7u9kHzR+x0B+EHKcTmPXXLcLKkBWadIzJdFFutz/uK8cd+QxRQ40cMKhY0UKoBugO3FXmvKsHnPLXweYY6TRNvTi6Pg8cg/jF+HqdOdSSSIg9GRS6O1qP7HceTvwAdL9IT8x5rBjxIURXVmZlsAWABfxsPz78PflfS+NhADDi1gbGQrek1dfl2/b74s806FSbk4yZ8bUBT6l7kCidVfP3XAwvSsKpLkiP3glvTA2Is3Q+Df+nFjI04+KAZF9yliGYnatz/AG/X68iHPs3HTlIlef2rqYCxtt23/Tb4HYcIrqnms+dmO4JEZNWlHSCfaGJs2O/jfbfsQrmGQkk4SSGSWNnIZo4rJoWVJH9JU12IrV224ZvTXP35dlrJAJ4WVwUIU6j76Gzf1djXx+/HTHQX4+52Ny1cHmKJlQoBoklZi4Hbv8Ag8OeH8Uulm5RDlzZREjgAxR05vz57d+9cIr8X+tP+65kONiSRxIhRAvuay1X/AOP/AEjf4c82xOX8ymjnZUkdqRhR7VvvVgA9uOiuVjAHI/USJZWnOtjVA3d/n4/8ce+aZmJ/03Jh1PGHAGlR9bftY/twsOoecLyzAkcyDYhNC3qNUdq7m/8AbY8K7mHWsEhlCyBhuSoXzvv++r/3fhY9SdYT8ymliwEUxGwaIMat2Fg7XYqhZ+rA4W/MMp58r1ciaKCMikhWNnYEk2SbN1W+4PY7VxjIM6XHoukk50mRFchTpoj+VtiSoIXxt38lvLs5svHRXiDEM2lWJptyRsBRY1dj8t+GL09i5ORGXVV1B7N2LAB3Hiu1gbbfpwzsGTFihWKZ3EhIKuGJAodiPA+L89/HHrMjouC4n1An1P8AOO92Kq77g1wKPkwY/VKIJ11dtiARVGr+LBF99z9cNbkXUbwwRRJkSINC0de1WAD2sXXc/PG1k83yHjBeYnUKFsDWwva/v/XhX/iB1CRAcXUHIKqSW0sBuDv3J8Gh8jzwg+Z8ykao4owYmU7kAMDdmt97s2D5B+eMCbMfIhdIpNJiCoJGDFa0ixRNn+rt31CiduMiXOSKfFmDTPETqpVLHSFJtSu7UAtV3HuBOwNNoPTx4oZCZmEhIMg1MzE0EUHbVudh4+Lvgy5ItzwmVjEwU/4sSq5tu9WbI7AfVbgcO/kL4cMFqo3KrCTagAHYi6q9h/b741JnxrU6ijuo0tuQoF/O/c9x3PzxTmzNORIxyd9NsxNe41ZF7b+Po/GwBOZ80RealYlADJalStkAAG+5Niv9dr4NukOoYJ8V9ZLuu7MxU2Pgm6739beONvmXV8GDyqV5cj3EHToBAoXtd7UBfzfbseE71H1E3Mcx9Npq3Mi7lVBHijYPx8au3fgAyI4TrikxyWYqzKhGpzWxLAdwCN/G3g8UXlRpnx2dizASRxIpVHPbXQUeChbf6od+M+Y5cmNRfIygEdUGIy6gxoA1QBPuBF7Er/VViLHWeWSNmXW5UoQ5YKdekk0xatlurvx5NkfKs6TE5mMmnWdGLSM9m2awSwA3X2oRXfcHcVwxeT9UwHAiGUyosdMWJpk2/mBv/wDPHyDxqnqmAYgRpPSUH3AvQFAXRAvyfn9OMrm/WCgGNMlnDErJqFVp8GgNqr/YGq4D5uYzpPJLjy6ApLKiKAoA2vyPHbtuOx4lwuc5EbiWPK0uUpUf2MpABuwTYNm6/Y8fs3U2TlwD1cuQKy24Us7KDQ8fY7eNr2O2BNzTHLmLIhEkcpbRCjWQnus6TudJ2+Dq4pw5Jkxp5pcVPTkQEPGFVQuirpgdO1gWf0PFLIzsx1cZZGMzxB4vVZVEbCtTe5N0tlFnz3AIHEOIcaSSb0ZfXSN5TKsR1FWsAbLqqhqGq7qr7k8fYiD/ABZRDPjvJVP3QUPYACtPdg+aJ2NLx//Z";
  const RUNS = "0:221 2:9 0:86 2:11 0:83 2:14 0:81 2:17 0:79 2:19 0:76 2:20 0:76 2:21 0:75 2:22 0:73 2:23 0:73 2:23 0:73 2:24 0:72 2:24 0:72 2:24 0:72 2:24 0:72 2:23 0:73 2:23 0:74 2:22 0:74 2:21 0:65 6:6 0:5 2:19 0:65 6:9 0:1 6:1 0:2 2:17 0:64 6:14 0:2 2:15 0:64 6:16 0:2 2:13 0:64 6:18 0:3 2:9 0:65 6:20 0:75 6:22 0:74 6:22 0:73 6:24 0:72 6:25 0:71 6:25 0:71 6:25 0:71 6:25 0:71 6:25 0:71 6:25 0:72 6:24 0:73 6:22 0:74 6:21 0:76 6:18 0:16 4:4 0:31 3:3 0:25 6:16 0:16 4:8 0:26 3:6 0:26 6:11 0:17 4:14 0:20 3:10 0:51 4:17 0:17 3:11 0:51 4:19 0:14 3:13 0:50 4:20 0:12 3:14 0:50 4:21 0:10 3:15 0:50 4:21 0:9 3:15 0:51 4:21 0:8 3:16 0:52 4:20 0:8 3:16 0:52 4:19 0:9 3:16 0:53 4:16 0:9 3:18 0:53 4:15 0:9 3:18 0:55 4:13 0:10 3:18 0:56 4:7 0:14 3:19 0:27 5:4 0:46 3:18 0:25 5:9 0:43 3:19 0:24 5:12 0:41 3:19 0:23 5:14 0:20 7:9 0:10 3:19 0:23 5:16 0:18 7:11 1:3 0:6 3:18 0:24 5:17 0:15 7:13 1:6 0:3 3:18 0:23 5:19 0:12 7:15 1:7 0:2 3:17 0:24 5:19 0:12 7:15 1:7 0:2 3:17 0:24 5:20 0:10 7:16 1:7 0:2 3:16 0:25 5:21 0:9 7:17 1:6 0:2 3:15 0:26 5:21 0:8 7:18 1:7 0:1 3:14 0:28 5:20 0:7 7:19 1:7 0:2 3:12 0:30 5:19 0:7 7:19 1:7 0:2 3:11 0:32 5:18 0:8 7:18 1:7 0:2 3:8 0:36 5:16 0:9 7:18 1:7 0:2 3:7 0:39 5:12 8:5 0:7 7:17 1:7 0:3 3:4 0:44 5:7 8:9 0:6 7:15 1:8 0:57 8:12 0:6 7:13 1:8 0:58 8:11 0:6 1:3 7:9 1:9 0:55 8:14 0:6 1:5 0:1 7:5 1:9 0:55 8:15 0:6 1:20 0:52 8:19 0:5 1:20 0:51 8:20 0:5 1:20 0:49 8:22 0:5 1:19 0:49 8:23 0:5 1:19 0:47 8:24 0:7 1:18 0:46 8:25 0:7 1:17 0:47 8:25 0:8 1:16 0:46 8:26 0:8 1:15 0:47 8:25 0:10 1:13 0:47 8:26 0:10 1:13 0:47 8:25 0:12 1:11 0:48 8:25 0:12 1:10 0:49 8:24 0:14 1:9 0:50 8:22 0:16 1:7 0:51 8:22 0:75 8:20 0:76 8:19 0:79 8:16 0:82 8:12 0:85 8:10 0:264";
  const MASKS = "#G$$-5$$$0$$/0-0//..$$/./0/.0//.0//-4*$$/.0//-4$$$$$$$$$/)6./(7$$$$$$$$$1'6$$$$*1%Q%~~#}. #v8(L$$(L$$$$$$$L+K$$$$$$$L+K$$$$$$$L$$($$D($$$$$$$$D*&$$&C-$$$$$$B.H0$&A8>0%&$$=>8;&$+%-)%/$3(&$$$~~#yz #~~#~~#z[ #C$$$$/3$$&&$$$$$$$$$$10-&$$$$$$$$1/.&$$$$$$$$1./&$$$$$$$$1.1$$$$$$$$$1.0%$$$$$$$$1.3$$$$$$$1.1$$$$$$$3-I*5$$$$$5(N'O&Q$~~#}. #7$$=7$$=1*$=0%$($=.$%E.%$*$=.$%E.H0*%=%$+I)&&$%%%@'$$+$D&-&v~$v*$~~#zy #v8(L$$(L$$(J$$+K$$(J-K$$(J$$,D($$$$$$$$D,$(C-$$$$$$?;;;;D$(&$(?$$$$$$$&$($$$~~#{U d&N+J-H/G/G/G/G/H.H-J+M'~~#~# c(L-H/G/G0F0F0F0F/H.I,K)~~#}~ #v($R$M'$$R$=$1($$v($v&$w'$)$$$L$$$$$$$I%$*H$$*$$G/H.G/H.J,H.=$$%+-?$*/8,)/8*&$$3$$0F*&$H,$$I+K)M)$$L$T$|E #K$$$$$$$J$$$$)0+6$$$$'0+$$2-./2$$$$$$'./2-./2$$$$$$'-11-'$)01&$)%$$'%1/0$$$60$$&$*$9/F0u}'$$~~#|j #v6+J,I&$)I-$$G$$$$$$&J-$$I$$$$$$$K.C,$$$$D+$*B5=$$8<9=A5=$$$$5O%$$A$&$,&~~#zO #M$V$1+:$$$1+$$6$$$$$//8$$$//4$$$$$$%./6$$$$$($(11$$$$&$%%$$$$$'01$$$$$$$$$$$$)%11.$$$62$$$$$$?/F0$$G$$$$$P)$$~~#|h #v6+J.:$//F15$$$$%.0?$$$&13$$$$$$%%$$$$%%17$$$$$$91$$,$$$73$$$$$$=/H0$$$$uz&~~#|j #M$8$$$$$K-G/6$$$$$//B%$23$$$$$$%'$$&$19$%;.G1$$$$$$&$m%$*$&&$$$~~#~l #v6+J.G/G/G/F1F/F1@4B6?7;?7?7M)G'%)v%$~~#zQ 9%$.$($(9$$0$$$%$$$$$$:$&$%'$$(&$$$$:$)(N$1$$$~~#~~#w{ #v6,I.G/G/G/F1F,$%F1@5>%$7;;:I-G$$&$)v%$$$~~#{U %$$$$,':$('$&(+>'$&'.<'$&%0<+%02$$$*+$20F/($$(>$$$$$K%$$$$$$$$$$.$~~#~~#o #I-5$4/0,1//.0/./0/.0%$$$$$$$$$$/.0-1.1$$$$$$$$$$$/.0-$$/-4$$$$$$$$$/*4-$$/(5$$$$$$$$$$$$$/'6&$*1&7$&$$$$$$$1&5$$$&$$$$$$$1%Q&P$R%$$~~#z| #v8'M$$(P$$$L$$(P$R$$$v~(K,J-H/G0$'C-F$%-K*$$C(&'$'((;'$9$$$$$*)N(O'~~#xB #E$$/5$$$,$$$$10,)$$$$$$1/.$$$$$$$$$3./$$$$$$$$$$$1.H.0%9.3$7.1$9.H*5$$$$$5(N'6$$$&$5&P&P%Q'O%R$$%~~#z{ b*J.G0F0F1D2D2C3C3A4A4A4A1E/H*$$J*$$J+L+L*~~#zA #J$$$$(J$$*J,I-J,H.H$$,G/J$$$$$$&H.J$$$$$$$$$I-J$$$$$$&I%$*J$&$$&I%$*J$$$$(I-J$$$$(L$$(J,M)K+M)G($)?$,-B$'/?78$%;/$)$$>&$+$)@&%/$$@4B)&$'$$$C$$0%$@$$$$$&$_$F$zj #M$$$$$P'0+6$$$$$$$1+6+./2$$$$$$'./2-.$$+$$2$$$$$$'.01-2'&$2-'$)0//%$$+$$$$$$$'0$$.$80D2F%$$$)I-$$~~#|h #v7*K*S$N&$$$$v$$vM'M+&'C1$$A0'&?7=$$<:7=A$$3?7*$@(%'M$$'~~#yH #v8'$$N$$$V$G$%$$&&$8$<$:$4$$$&$:$c$%$&&4$$$$&+(?$$$$$$$&$%+$$$(4$$($&$$$/%%5$$$$$$($0$$$&3C4K$$%L,~~#{b #v7($$K+$$G$'&$$$$G-$$G$'$($G-$%9$:$@$)+$'5$$&)*+$$$:$$$$$$62$$($&$6:>1G0$$~~#|d #v6+J,I&$*H-$$G$(&%$G-$$uz.C*$$$$$%C3B5?8=9<@6;$$9E$$/?+$.I'%'M$$'~~#yH #v6-H.G/F0G-$%E19$($$%%0?($23$$$$&$$$$$6<;'$*,$<$$.$$$$$$$$~~#}f #2&N$$'$$K-G/B$&0A$$$%1A%%1<$$($29$$;;;0-$:&$,$$%+uv$~~#}p '$%+(?+(+>+&/<+%0<+%0<+$2;;;;1%+;1$$$$$(>$$$$%%$.$;%&*+'~~#~h #G/5$4/0,1//.0/./0/.1*$$$$/.0-1.3$$$$$$$1.1$$$$$$$$$1-I*5$$$$$5(5$$$9'6$$$$$$$$$3&3$$$$$&$$$5&3$$$$$($5&P'O'O(N'O'$$$$K$R%~~#xr #v8&N$&$$$v$$$$$$v&$w%&M+K+K,I.I$$+I,L*N&$%+&>$(&$$%/(),?(+-$$$$*$0$$%,(C$-)*$F'R$~~#vh v6$$$vT$R$R$Q'L*(%$$B3A5A3B/$$E/G/G/H.H-J+N%~~#yp #J$$*J$$*J$$*J,J$$$$(J,J$$$$(I-H$$$$*H.H$$,G/H$$,G/H$$$$*H.H.H.H.I-H.K+I-I-G/;$$&*/=$+0B4-$-$$</$$'$$$?%$+$%&$A$($-$D$&%$$%$$$P$K%v4${2 zG*K,I.G.H/G/H.H.H-K*O$~~#yp d$O+J-I/F0F0F0F0D2B4A4A4A2D/H.H.H-J,K*~~#zA #M$$$$$Q&3$$$8$$$$$$$N$$'9$4$$$$$$%3$$$&$4$$$$'9$2$$$$$$$$%5$&$2-9$2$$+9$2-*%$$>-+$$$<0&-9$$-%.:0$08@$)$(%$$5$-$*%$)$$$$~~#{b #v9$v.$8$6$($;$9$6$$$$$:$4$$%%%9$2$$$$$$$$$:$2$$+*%$$>$$$$$$$$%+&<$$.&-;$$+%.:0$0&$4K$$'5$-$*$&*$$v#$~~#za #v7($$K$$(v%($$v$$&$vJ&O(*$C-I-H/%&A8>$%-$)='$4$$$$9(&0%$;(&$$-$.&$/M)N(O'~~#xB #v6+K+I$($$%$$G/M&%$H,$$M$$$%$I%$$&&C(%$$(E)$*B4A6@6>=8$$8<?$$$&1;%%7)%;$$$$/M)N$$$$$O'~~#xB #v6,I.G&$+G/G/G0F/G0B3A5@6=<9;&$7I-G/M)E$&-I$$$&%$$M)~~#yH #$$/)?%$$$$$$(+>%$$$%'/<'$$$$%0<+%0<+$2;,$1/$$$,+$2;;/$$$,;3$*;%$,$$%+<$'(-$$$:$4$&$~~#}d zr$~~#~h #v6+K$v1$wO(L+&$$%C1$$$$=='$$$2?($$$/J$$*I$&$$'v%$$$+$~~#zF #1$$$$A5A3$$$$$%<3$$$$$$=3$$$$$%<3$$$&=3$$$$$$=3$$$&=3$$$&=9=9=;;-$,$$$$;+$$$$$,=-'%$($$;+$$')$$=.&)$$$$;-''$$$$=-&($$$$=+$*$$$&=3$$A-$$G1E$R'$$$&v#%~~#vb #|~$v#)v$(M&$$<&-'%(=$$$,-=$$$*/=$$$,-D$%/;$$&'%$/=$'$$3*$((($$9($$)$H$$%)$G$$&Q$Q$v,$|D zI$O)L+J.H.H/H.H.I,K*~~#zA v6$Q%P&P&P'O'O'N)I/F0E/F/G/G0G/G.I,K*O$~~#yp c)K-H/G/G0F0E1F0E1A5@5@5@6@6@7@6@5B4B-%$$$I$~~#yo #@$$4C3C3C3C3C3C3C3C3C3B4C3C3C$$1C$$1C$$1E1A$$$$1C$$1C$$1C$&/C$$$$/C$$1G/E1E1C$$1B4?7;$%9=:0$)$$>6($;.&$$%D)&$$'F$^%{1 b+J.G/G0E1F0E1E1C3A5@6>8>8>9=9=9>9=7@8A&+*$%I&P()$G'O*M'$$N($$M&~~#uy #I-I-I-J,I-I-I-I-H.H.G/G/G/G/G/G/G/G/G/F0C$$1C$%0C$$1D2B4B4B4?8.$+$$>-$$G/H*$%J-J$$$$$&$L&$$|A 2$$&L-G/G0$$B$$0E2C4B4$$@4$$?5$$<8$$;;$$8<$$8>$$6>$$6@6@$$4<$$9=$$8:$$=(%$$$$%*$?$$&P$*%v'%v*$~~#vO #{O$$$R$$$P$$$P'o$$$$$$%-$$%;$$$$$$$$$J($'3$(,,$$&$%/($A($%K(O$Q$~~#wm $$$$$$$*$8$$-G/'$$$@$$-G0$$$$$$@$$-H/$$$$$$@$$-%'A0$$$$$$@4B0$$$$@$$2D2B$$0$$($<$$0$$D2%+84B$$2()3$$8.$)$+$$6,$$$$$&F&P$$$~~#y< #v9$$$yb$$$L,L*N*I-&%G*&$F$$*F$($$'%$$$H$$+'--$+'$$$;$+&$$N$$$$$~~#xt #)$*$$$&$4$$+I-)$B$$+I-%$&$B$$+3$8-%$$$$$B-'&2$2.$$$$$$@$$.$'3$00$$$$$%%$<$$0D0$%$)$$:0$%$+'%40$%$$$):>&$$$''(2$%$$$)&$$$$$$$$$$$$$*3$,%$$$$$$$$@&(&$$$$H$$$&$&$J$~~#yn #v6+K$%'J$R$%*$$u~'%$u~$&&D&($$&E)$$$(B.$(B.$&C/$(A7A-$*>$%4$$$%%(1&&2%$;)%/$0$$)&$$$M'$$N$~~#xx #-$&$$&:$V$*$(.6$3-$$4$$(*$&.$$4$$$$$+&%13+%$$$$&$1%$*$$$$$$$$$$$$$%$$($20*%=%$(2$)$$$3.F&Q&$$M$w&$~~#{v #v6,I.G&$+G/G/G0F/G0B3A6($$$$$$$36$$(&$$3:$$$,-%$E.J($$$$H&$*M%$$$$I+$$K$'$$$M%$$~~#yJ {r%P&P'O&Q%~~#{Y #{Q&O%$$R&&$H*$*ux(&'&$($$$A(%$%$)$$%.%$$-(%0$%'''$$'$$$C)S$~~#xs ,$$&*>9=:<+$1<;;;0$$$$$);1$$$$$(<-$$$$&$$';/$$+%;*$$$$$$*$$%;%($$$0$C$1$~~#~6 #v6,H/G/G0F/G0*$$$<0<$+1&$$$$$$$$$/$'6%%''%$-$$$$8$,$$$$&$'L*K&$'N(v($~~#{T #3$&$$=7?:<3$$$$$$=3$$$$$%<3$$$$$$=3$$$$$$=3$$$&=5$&=9=9=;;7$$$$$$9-$0;;&$$$5-'-;;$$$$$$5-$$$.;-$,$$$$;9=5$$?5$$?3$$A3$$A3$$A-I+$&$$$$uv$~~#_ c)K-H/G/G0F0F0F0E1A5@5@5@6@7?8>8?7@6@8A(%$$*L(O'P$R&v($~~#vP #;;:<;;;;;;<:<:<:<:<:<:<:?$$5C3C3C$$1C$$1?$$$$3C3A$$3C$$1C$$$$/C$$1E1E1E1C$$1B4?7A5B4B4D2B4B4B5$$$$=;9<:<.($A/($%$B$Q%$$$$$$x% c*J.G/G/G0F1E1E0E2@6?7>9<>8<$$8>8<$$9;<:$$:<=(%$$0B$('(%H)$$$&G$R)$$&$H$S*~~#vJ #{w$v$)M)I-I-H.I-7,)07-(07-'17-&27-%37?9=+$$$$G'$$$$($F($$L*$$N$$$O%$$$$$$}G b+I/G/G0F1E1D2C$$1B4&'96%$$$:>6>$$6B4B4B4B$$2B5A$$4@9;$&70%$$*$$:=;$$($$-$E$$1E%%$$$L$%*~~#vI c*J-H/G/G0F0F0F0E1B4@7'$97$$&$88$,48$($&$$2B48$$$*$$2<$$$$$$66&&$(4A8+$$$%0$8+$$.$$$<$$$$$$$$$$%,$&$;$$$X%,$~~#wM #v;$yd$L&$(L$$(N$$(:$($$$*$$*&$4$$$$$$$$$$$,$$$$$&$$$$$*$$$$$$$&$$$$$$'+$$'3$$%'$$$$$$&.$$$&$$$0$($$&$'-$$$$$$$(/$%$$$$$)-$$$$&$A+K)$$-$@'$$$$K+$$+%?%$(O%~~#vb ~~#~~#z[ #v6+K$%(I$-$L($$v#&%$v%'C'+$F(')A4B-&&$$@/$*0$18$$$$&$$$$&2%$*$.$,&$$$$$+4$$$$(&$$&$$$)%'$$8$,*$$%$$$%$/$0$&$)$$$P$$$~~#yH :$$:;$$9:$$:;$$4$'<$$8=$$$$,$$$$$$$%=9=$$$$&$$$$$$$$$$$'A)$$)$$%?$$$$$$$$$$$&$$$$%<$(&/%~~#~h #v5-H/G/G0&$$$$$>0&$$$$$4$$$(2&$$$$$$$$$$$-'(2&1$$)$$$(2$.&$+;%4(%$$$J'R$~~#}b #*%$$$&$$$A5A3$$$$$$=3$$$$?3$$$$$%<1$$$$$$$$=3$$$$$$=/$$$$$$$$$$=3$$$$$$=1$$$&$$=5$$$$=;;7$$$$;;;;;;;;$$$$7;;9$$&$79$$;7?7?7?7?7?7?7?)($$$$$C',$$$C%$$O&~V b)L,I-I*$'G/G*$$$$F1C$$0B5@6>8=8=9=;;;;;;;;9$$;=9;&%69$$($59+$49$$)$49+$49$$($68$$=1*$=*%(F%Q'$$O$Q&$$$$O$$$Q&|B #:<:<;;;;;;;;<:<:<:<:=9=9?$$5C3E1E1G/E$$/G/G/G/=$($&/;$$$$$($$/=$$$($$/;$$$$$(1;$$$*$$/=$*1E$$/E$$/E$$/E$$/E$$/G/E$$/E$$/E1E1C3C3B4B4A5?$$5>8;;:<=9:$$: d$P*J-I'($I/G*$$$$H/G.E2A4B5?4$$@4A6@6@5A7@6$$?9<=:=8:$'87$$$$$%78$$$$$%87$$$&8:$$;/();0F'$$$&I)$$$$I)&$J-J($&M'|A d$P+I-I-$$G/G.H/G/E1B3B4@6@4B4A6A4B6@6$$?9=<<;:=:<98$'9<9;:;;3C0F/G.I-J,M(O%{n ~~#E)L,I.H.H/G/H-J*~~#vJ ~~#E)L,I.H/G/G/G/H/G/G/F1E1D2D2D2D1F/H.H-J+K*M(x| ~~#E*K,I.H/G/%$D0$$E2D1E2D2C3C3B4B3C3C2E0G.H.I,K*L)x{ ~~#v)*L+J,I-H.H.G/G.H.H-J+K+K*M(O%|) ~~#F)K-()>.&+<0$-;;;;;;<:.$$$.9=9=8=8=8>8>7?6A1F.I-J+M$$%yO ~~#v*(M+J,I-H.H.H.H-I-I,K*L*L)N'|W ~~#u~$*(M*K,D&%-E1C3B4>7?$$5=8=8>8=8>7@5B$$-I&&%{) ~~#v*)L+J,I-I-H.H.I,K+K*L)M)M(O&|W ~~#H$O+*(?,(*@+&,>,%-?7?7=9=8=9=8=8=9=8>7?6A0G.I,K%z) #$$$$$$$$4$$$&$B(@$$$$$$$$$$.&$$$$$$&$$0$,/%$$*1)$$$$$/%$$,$$.$$$$$$$$2%/-)$$$2%5$$%'$$$$$2$6')$$$2$6$$%%$$&$$2$6$$%;$8%%$L'~~#~6 zH'J%$(J$$($'F+$$$%$$$%A+(%%$A-$$$%$%A+&$%$$%A5A5$$?5$$$$=5$$?5$$?5A3$$A3$&?3$$$$?3$$$$?-$&$$$$A)$$&$$&C)M+K'$$M(N)*$E,u|$%$$${A zH%O)L,I-I/G0F0G0F1E0'&?7$':$$3)%95*%:3($$%86'$$%87$$$$$%89$$:2&*:2D0F/G.I-J,L)O${o {Q$T$T$R$u~*J$&'K+K*N$$%Q%Q&)$J%M*J,H.$$F.$$F.H.H/H.I,L)O%{n -$$*$$F1E2D2<$$$$$$$$3;&$$$5;&$8:;;<:;;<:;;<:<:@6B4D2B4D2C3G/C$&/G/G/E1E1E1G/E1G/G/G/G/G/E1D2C3B4B4A5@:0'$$$$&:1F.H-L'vN v6$xl$F'M+$+A3B2D0F1E0G1E1F2$(?:=:<;<:%$9::<8<%$6@6>8>8;;:$&96'&:-%((&<+%*'%='*&&&$$I&{0 2'@').>)%2<*$2<:<;;;;;;;;;;:<:<:<:<;;<:<:;;=$$7=$$7A5=$&5;$$$$$%4;$$$$$%%$1;$$$$$%4;$$$)2=$(3C3C3C3C$$1E$$/E$$/E1E1D2C3C3B4B4A5@6?7=99$$;:<:<:< v;$R&v&&v&&v$*C'((C+$+A3B3C3C4B2E3C3D9>:>9=:<:%$9:;;$$7>6@6>8>8<:=:9$%;-%*&%=*&,%$?%+($%L({. ~~#E*K,I.H/G/G/H0G.H.L(~~#B ~~#F(L,J-('?/&'@/%(A5A7@6@7>7?7>7>8>7?6@5B0G.H.I,K*L)x{ ~~#u~$*(E&(*D'&,C'%-C3A5>7>8>8=8=8=9=8>7?6A1F.I-I,N&yO ~~#F'M,*(>-(*=.&,<.%-<:<:<:-(-9-(.9-'/8.&/8/'-9/'-82%-7?6A1F.H-J,K)yO {G$S%P%Q&P&P'.$C(-&B(*$$$&$?7?+$$&$$$$%/$.$'1$'@-$$$$$$$%@6@/$$$$$%@)&/:%%'*&E',*:+-$B$$'.':-.&;.-'81-%94((67('5C.G/H-I-O$x| ~~#xy)H/G0F0F1E2D2D2D1E1E3C1$$C3C3C3C%$0F0F.H.J*vM zz$W$v*$F'+$F%Q+$$$&E()%$$D0D2'$?0$$D31$43&$?3$$$$-$47,&38)$%%3C3D2C3E1C$$1G/E$$/G/G/G/E1E1E1E1E1E1F0G/F0G/G/ ~~#yM(M*L,I-I.I-K+M'|A ~~#x{$P(M+J-I.H.I-J,M(|@ ~~#xz'M+K,I.H.H/H.I,K+M'{m vj$w0$v*$ux)$*E$$($$$$F-I$$$$*F0H.G0F/H.&$$)>-$$$-@)$0@$$$$$$1&%:7%&:($66@4B2F0G.I.G/G/F0E1D3B5?7>8>8=7?7=9;;1(&>/H-L&uz ~~#E(M,I.H*$$$%G/G*$$$%F0$%8%-26)(73,%83C$$0%$$$?$$0F3B3B7?8:=8>8@6@(%.I,K*M(wv v8)J-N)H$$,M(K,M(K,C)&)B4A4A4B4A5A5A7>$$5%$<$$;9$$=6A5B4B%$1B4E1E1E1E1G/G/G/G/G/G/E1C3C3B4B4A5@6?7=99$$;%$0C'$+F&$$%&I ~~#y_%P)L+J,I-I-I/G/H.I,J)N(z' ~~#wY%Q$&$F1E1E3B5A5@7>7?7>7@5B0F/H.H-J,J+M'xJ ~~#y_&O)L,I.G/G/G1E0G.I-I+L*M'O$y$ ~~#uy)N)N(K,%%F,%&C4C4B6?7?7>7>8>7?6@5B0F/H.H-J+L)x{ ~~#vZ%O'N(N(I/E2@7?6>7>8>7>7?6B3C/G.J+M&z& ~~#ux*N))&E('*@,%+@,$,?8>8>8>7>8=8=8>8>7?5B1F/G.H-J+K+N&xJ ~~#v*(M*K,I-H.H.G/G.G/G.H-I-I,K*L)|( ~~#uy)+&F&(*D'&+B$$'%-A$$3>8=8/$$$/8/$09=8=8=91$.8>7?6A1E0G.H-J,J+O$xK ~~#F'O**'B*(*A*&,>,%->8<:<9.(-9-*,9-+*9.&$$-8.(-9/(,82&$%)77$*6A1E/H.H-J+L)x{ ~~#v*)M*K+J-H.I.H-I.H.I.G.H.H-I$$+K($$N(P$R$zH ~~#f)$$u|$$$N$$$$$M)$$$$$$$$$$$%/$3'$$$$$$$$$$$$$%/$+'''$$$$$/+$/'%)$$$$$$$$$$$&51$$$$$:*$$.($$$$$$$$%'$$$$$,1+$$*$.&3+$$((($$$$'4)$$(&$$B*(&$$($&$$$9%,$$$P&{b ~~#|V$w($w.$*%R$I$($$%R$I$&$$'M$$$$%H.I$$&$' ~~#h'$$t$v(&P'$'J,*($&9-0$:.,*$$$$$$2-/$$$:-.'9./$:0-'72-%76((2<$+/H*$$$$H,L$$$R$yR ~~#yH)M'O'$$M&P'$$M(N)M+K-I-I-I-I-I/$$E-$$$$E/$$$$C-$$$$E1E/G-I)M ~~#=$K*)$7$v#$9$$&&%0$9$&$$%%$/&1)$1+)08)*1N(N(O'P$$$P$$$R$R$v&$$$v($zA ~~#x{$O*L+J.H.H/G/H.J-I-I.H.H.G/F0F0F/G/H,J+vL ~~#x{$O*L+J-I.H/H.I,K+M)O'N(N(O'P&y- ~~#xz&N+J-I0&(%$;8$$<=98$$$&9=:?9<:;;;:<9<9<:1%+;1&(=0G-J+vK ~~#z5%N*K+J-I-I-I-J,K){- ~~#xa$P$L/G/F1D3B5A5@5B3C1F/G/H.H-J+K*M(wv ~~#xZ)M,G0E3C3B5@7?6?6A4B1F/H.H.H-J+L)O%ww ~~#z4'M*K,I-I-I-I-J,K+L'zX ~~#xa$%&K&$'F3B4A6?7>7?7?6@5B0G.H.I,K*L)x{ ~~#v*(M+J,I-H.H.G/F0D2D1=$*0H.H-I,J+K){S }&$*$%$F$Q2C)$$$$$)B5$$&'87$$$)+$-B')*7$$$+'%.C$($$$%(G/I$$$%(I%$*M)M)M)L*K+K+K+K+I-K+I-K+K+M$$$N$&$x8 ~~#{N%R$Q&v#(O$$%K-$$I$$$$%&$G$$$$$$'$$I$$+G&$+I-A$$$$$$$$&$)I-?$($$&$+E$$$$-C$$1C$$$$/ ~~#~~#vs%Q%A$($$$*%Q%?$*$$$($$%I$)&;$*$$$$($$$'G&$+ ~~#x{$P(L,J-I.H.H.H/G/G/G1E1F1D2D1E2D1E0G.H-K(uz ~~#=$M'wS'&*E'$-($>9$$;7$,59)%57+&47?6,$67*&57**17&$$./9&./E1F0E1F0F0G/G/H.G/H.H. ~~#yO%Q'P(P&K&$(I$)&J,K+M*L+K,I-G0E1E1E0F/G.J*N%u{ ~3'v$&x=-:(.*;+,04-+040$$$510$62E1D3C4@7>9;;;:<9<9<:2$,:1&)<0)$@.I*vL ~~#yM(N)L,L$$)J,I$$+J,K+M+K,J-H.F0E1E1E0F/G.J*N%u{ vj$$$v$*L$$&$$L,J*L,K*D('(D+J-J,I.I-H/H,K+*(B&+,I.H/'$;'&/%(@/$'<&%90)'$&8.I-I-I-H.G/F1E2B5@7<:<9<9=8=9<:1&)<0(&?.I)vM ~~#yM)L+J-I%$+(%A/%(A/$'C5B3E6@6@7>9<::;;;;1$*>/)$A-I*vL v=$K+O$$%J-I-I.H.H.D2B*$+B2C.I-G0G/G0F0G/%$$)>/$->9>*$1<:%$9:%$6A3C1F0G.I-I-I-H.G/E1E1C3C3B4B4A5@6?7=97$&;%$1B3C'%)G ~~#z4(L+J-H/G0F1E1E1F/G/H-I-I,K*M(wv ~~#G&O*K,K+H/&$D.%&C4C4B6?7?7>8=8>7>7@5A2E0F/G/H-I,K*M(wv ~~#xa$P$M(M/F1D2C4B4B3$$A2D1F0G.H.H-I,K*M(wv ~~#F'N+J-I$$,&(?/%)@.$+?8?8>8=8=9=8=8>8=8?6@3D0F0G.H-I-J*M(wv ~~#v-$O&$$M$K%&(N&G)$.B($-2$073$-76$*86$)87$(97$(77'&87$$$(6@59$$$)49$&$'1<$+0;$$$$$$$'1@$(.>$$$$$),J*C$,'wE ~~#yH'O'0$<%&'.$$$70.'$$7..'54,'73*(58%+3D*$$K'$$M'$$zV ~~#~~#wi$v&$ux$$$$$$($$$$$$d ~~#yH%K,J,F$%,0%:.F1.%82-%76')4:$+0G.H.I)$$L$$$$$yP ~~#~[%w.$$$$$'$s$($-$q$*$-$R$;$*$$$$$+$$$K$$%$& ~~#~]$w4$$%Q%G$$$($$%O$$%G$$$('I$(';$,$$&('I$$$$) ~~#yK$$$v#'O%Q&P(N)M+K-$$G-$$G-I-I-$$G/'$B-$$G/'$B/$$$&$$$$=3$$$$?3$$$$?5$$?5$$? ~~#v+'v#$)$I$+$G$P(%$$&$$0$$$&$($+',$$$&')$$-$$)9)$$8$$$3+J.I).$B,(&$&@&%$O%,)|3 ~~#{0$x1'N+J,H/F0F0F0F/G.I+M&u{ ~~#x{%N*K-I.H/'$B/G/H/$&D.$&E1F0F/($&$<1*%;2%*:3(&;1D2E0F/H,K)uy ~~#yN&O)Q'P&R%Q$L$&'K&$'M)M+K,I-G/F0F0F0F/G.I,L&u{ ~~#x{%N*K,J.H/'$B/H.'$C/$&E1F2'$?0($@1$*<1$*<;:3$*;1E1E0F/H,K(uz ~~#x{$P)L+J-I%$$$$$'H/H($(I1F0H.H/F1D2C5@7?7?9=3&$?0G-J)uy {S$Q%T$O$%$v%$$%v$'N&vb$uy+&12'$-($%$$$$'4E1D2G/F0G/F0G/G/G/G/E1E1E1E1C3F0E1G/G/H.G/ ~~#z4(L+J-H.H.H.$$F0F1F/G/G/H-I,K*L)N'wE ~~#}=$vT$P&P%$%($$$)$=%&$)&D%$$$$$$$*&$'$8$)&$'$%+$8'$$$+%&'$:%$$&+$$$%?2$$$$C-$$F,$$$$$$? ~~#}=$v$$R$P$]$F$.$$$D$.$$%-$3'0'+&3'$$'$$$%$$$$&($$$5(+.$(5+&$$.$$$$7=$$7=$$$$$$3 ~~#~~#ve&$%L$'%$$H.F(''$$)&/,$+$(,$$&-6$(+($$'@+O&$ ~~#}W'u~(O$$$O($%L*$&C3B%$1@6>83+$:2D%$$$*G%$$O ~~#}W'v#'($u{'$$$$$%H.E$$/B$'/@6>''04%$&%)$33&$.%20F)$&*$A ~~#{T$$$P$%$O%$%N*)$E-I-I-I)$&I-I,-$?-$$($$$?+$$$$'(>9=;$$$$79$$;;;9= ~~#z($R$$$R$R$R$L$(%K&$'M(N*L+I.G/F0F1D1F/G.I,K)uy zJ%O)'&H'$$$$E/$&F,F3D1D5C3C1$$$$$$$$?8$$<:@)$,$$%$4'%<%&8*$,$$$%$&0'&@/'$A0L*J,L*J,J,H$$,I-G/G/G/G/F0F0G/F0H.G/H.H.H$$,H. ~~#yP$T$R&R$K$)%Q%K%%'K&$'M*L+K,H.G0E1E1E0F/G.I,K)uy ~~#z($T$R$Q'P&J%$)J&$(L+K,I.G/F0E1D2D2D2D1F/H,K*F ~~#yK$R$9$$%5'+$%$7*(%/%;$$$('(,+%)$$*((,'5$$&$&$$$)&.)($<%+,$$I'P'O$R$z+ ~~#}=$M$%$$$M%$$P%O&I%$$$*'%A+%$)&?8>+$/>9=;$$$$7=9=$$7;$$$$7 ~~#}=$M$S$R$P&I%$$$*(%@+,&?8>)$$&$&**$$$3:'$$$5+$8$$3A$$3A$$$$1C$$1 ~~#}=$M$S$R$P$K%$$$'+$A+,&0$10$*+$$$$$1)-(+($$/:%,$$/+$$$$$:/E$$/G/G/ ~~#}=$w($P$.$B$&$0$0$1**$$(+&$$1'/(*)1+$1'*1*)8$$/+$<$$/G/G/ ~~#~~#D$u~$&$>$1'$$.$$%+$$(/'0'*+/))$%+',/(+:/+&</G/G/ ~~#~[$vX&J,$$$$&'3$,:0'*;0((=-I+vL ~~#}W'O$P'O$$$P'$$M.B4A6$$1'*8$$1((<.E$&-I$$$L$Q ~~#y_'N+J.G/F1E1D2E1E1F/G/G/H-I-J+K)N'wE ~~#x_&P'H/F1D2C3C4A4B5A4C2D1E1E0G/H-J+K*M'wE ~~#uw*S$K$$+G$$-%%E-$'C3D2C4B4A6?7>8>8>7?6@4B3C2D2E0G.I,K*M(wD b+J-H/G0E1E1E1E1E1E0G/H,L'~~#}N 2'L-H/G/F1E1E1E1D2C3A5@5@5@4B1E/H.H.I,K*~~#zA ~~#T%P*K,J,H.G0E1D2C2C3C2D1E1E0F/H,J+L%{( ~~#S(G$(+F%&,E%%.C3E1C4A4@6A4A5A4B3D2D1E/F/G+K*M'O'P$x{ ~~#E)L,I.H/G/G/H-J+L(~~#uw ~~#D+J.H/G/G0F0F0G.I-J*~~#C |_&N*L*L,I2D4C5A6$$>7?7?6@8=7@7?6B4C2D3C.$$$$D-J'|6 ~~#wH$N%$$L0E1C5@6?7?7?6@5B5A5C4B4C3D2D1D2D1E0F/I,v| zH'M*K,I.H/G/G/H.H-J+N&~~#yo zG)L1D2C1E0F0F0F0G.I,L'~~#yo d%N,I.H/F0F0F1E1C2A5@5@5A4A4B4C3C3D0G.I*~~#ym ~~#y_'N)L+J,I-I-H/H-J-J+K*N&z( ~~#x_%M%$%K,I.G0E1E1D2D2D2E1E0G/G.I-J+K)N'ww ~~#F'M,J-H/G/G/H.H/G/F0E2D2C4B3B4B4C2D2E0F0G.I,K*M(O%wF ~~#}<$N+K,I.G/F0E1E1D2D1F/H-J*ux ~~#}6%'&J.I.G/G/F1D1D2D2D1E0G.J*ux ~~#|i$K%'&J/G/F1E1D2D3B4B3C2D1F/H,L'H ~~#yM(M+K,I.H/G/G/H1D3C3C4B4B4B4A6@6@6A3C1G-J*F ~~#x{%N*K,J-I.H/G0F1E2C4A5A5A5A6A5A6@6@7@3C3E/H,D";
  const BY_CLICK = "##K#$d#%v#&F#$c#%v#'C#(Z#%u#)k#*k#%]#)m#*m#%[#*f#+I#%s#,J#-b#%u#.K#-b#%u#/L#-a#%u#0H#1_#%u#2>#3^#%u#4I#3]#%u#5I#6c#%v#7E#6a#%v#8T#9N#%u#)l#*m#%U#)l#*m#%U#)m#*n#%Z#:F#;a#%u#<J#;a#%u#=K#>a#%u#?G#1^#%u#@F#1^#%u#AD#1]#%u#BI#Cb#%v#DV#EG#%u#Fd#Gi#%i#)m#*l#%U#)l#*n#%U#*n#*m#%[#HD#6a#%v#IF#Ja#%v#<G#Ka#%v#?C#L_#%v#M?#L^#%u#N/#O]#%u#PB#QV#%u#Rp#Fo#%O#Ro#Rn#%R#Rn#Sf#%Y#TI#UP#%u#VL#WQ#%v#XA#YU#%v#Z?#[Z#%v#]=#^[#%w#_<#a]#%v#b+#cW#%u#d7#e^#%v#fH#%^#%v#Rp#Fo#%O#Ro#Ro#%R#Ro#Rm#%V#gO#hP#%v#VG#WS#%u#i?#jT#%v#k>#jX#%w#l;#mW#%w#n0#YW#%w#n-#oX#%v#p2#q^#%v#rD#%^#%v#sF#tZ#%u#uL#tX#%t#vN#tW#%u#vL#tU#%t#wp#xb#%L#wp#x^#%S#wp#yc#%X#zU#{[#%r#|e#}^#%f#~_$#]#%h#n/$$^#%v$%B#%]#%v$&1#tU#%t$'<$(T#%t$)Q$*X#%u$+P$*W#%u#wp#xa#%J#wp#xc#%P$,Y$-g#%n#zf$.a#%d#zg$.^#%g#|c$/]#%j#n,$0^#%u$1:$2Z#%t$3q$4p#%N$3q$4p#%N$5X$6K#%t$7X$8T#%r$9[$:b#%]$;[$<g#%a$=c$>k#%f$?c$@e#%i#ze$Ab#%j$B8$C^#%v$D)$Eg#%s$FE$Ge#%u$4l$HN#%l$3q$4p#%O$Ia$JK#%q$K^$LW#%W$K]$MZ#%W$N[$:_#%[$Oc$>l#%g$?_$@h#%j$PX$QL#%s$R&$Eh#%s$S.$Ej#%t$FG$Gi#%u$TI$UX#%v$Ve$WO#%q$Xb$YL#%q$ZK$[Q#%s$]Z$^i#%j$]]$^k#%l$_]$ah#%m$bB$cb#%v$d*$ei#%t$f,$ej#%t$g2$ek#%t$hJ$il#%u$jZ$kV#%p$l_$mV#%p$la$WS#%q$nN$oW#%v$]P$^e#%m$pR$ah#%n$q5$ci#%u$r:$cj#%u$s<$ei#%u$tA$ej#%u$uC$ej#%u$vR$in#%t$wZ$x[#%q$y^$xY#%q$zP${a#%v$|E$cj#%u$}I$ck#%u$~K$ek#%u%#G$ei#%u%$F$ei#%u%%I$eh#%u%&H$ei#%u$tL$ei#%u";
  const BY_BOX = "$pf%'k%'l%(k%)j#*l#*m#*m%*m%+f#zi$?k$?i%,h%-f#wn#wo%.m%/h%0Y$3o$4n$4m$5f%1^#Rm%2m%2m%3j%4b$Kk$Kl%5j%6i%7i%8k%9l%:l%;k%<i";
  // answers: end

  // ------------------------------------------------------------------ what was kept
  const DIGITS = Array.from({ length: 92 }, (_, k) => String.fromCharCode(k + 35)).filter((c) => !'"\\`'.includes(c)).join("");
  const digit = (text, k) => DIGITS.indexOf(text[k]);
  const HALF = SIDE / 2, PLACES = Math.floor(SIDE / STEP), PIXELS = HALF * HALF;

  /* A mask of half the resolution from its run lengths, background first. */
  function decode(text) {
    const mask = new Uint8Array(PIXELS);
    let value = 0, filled = 0;
    for (let k = 0; k < text.length; k++) {
      let length = digit(text, k);
      if (length >= 80) length = (length - 80) * 90 + digit(text, ++k);
      mask.fill(value, filled, filled += length);
      value = 1 - value;
    }
    return mask;
  }

  const MASK = MASKS.split(" ").map(decode);
  const area = (mask) => mask.reduce((sum, v) => sum + v, 0);
  const AREA = MASK.map(area);

  /* Answer number k of a list: mask, its number of pixels, and the IoU that SAM predicts for it. */
  const answer = (list, k) => {
    const number = digit(list, 3 * k) * 90 + digit(list, 3 * k + 1);
    return { mask: MASK[number], size: AREA[number], predicted: (digit(list, 3 * k + 2) + 20) / 100 };
  };

  const LABELS = new Uint8Array(SIDE * SIDE);
  let filled = 0;
  for (const run of RUNS.split(" ")) {
    const [label, length] = run.split(":").map(Number);
    LABELS.fill(label, filled, filled += length);
  }
  const COUNT = Math.max(...LABELS);
  const pixel = (x, y) => (x < 0 || y < 0 || x >= SIDE || y >= SIDE ? 0 : LABELS[y * SIDE + x]);

  /* The nuclei at half the resolution: at least two of four pixels, as for the masks. */
  const NUCLEUS = Array.from({ length: COUNT + 1 }, (_, label) => Uint8Array.from({ length: PIXELS }, (_, i) => {
    const x = 2 * (i % HALF), y = 2 * Math.floor(i / HALF);
    return [[x, y], [x + 1, y], [x, y + 1], [x + 1, y + 1]].filter(([u, v]) => pixel(u, v) === label).length >= 2 ? 1 : 0;
  }));

  function iou(a, b) {
    let shared = 0, united = 0;
    for (let i = 0; i < PIXELS; i++) { shared += a[i] & b[i]; united += a[i] | b[i]; }
    return united ? shared / united : 0;
  }

  // On the picture, which is dark on every page, the colours do not follow the theme.
  const COLOURS = { sky: "#56B4E9", yellow: "#F0E442", orange: "#E69F00" };
  const WHICH = ["the surest", "the smallest", "the middle one", "the largest"];

  class SamExplorer extends window.CourseExplorable {
    static label = "Prompts for Segment Anything";
    static help = "Click into the picture or drag the point; with the point in focus, arrow keys move it to the next of "
      + `${PLACES} × ${PLACES} places. Picture: StarDist example data, © Schmidt and Weigert, BSD 3-Clause.`;

    build() {
      this.picture = new Image();
      this.picture.addEventListener("load", () => this.changed());
      this.picture.src = PICTURE;
      this.image = this.stage({
        label: "", view: [-0.5, SIDE - 0.5, -0.5, SIDE - 0.5], draw: (context) => this.drawImage(context),
        drag: (x, y) => this.point(x, y),
      });
      this.handle(this.image, {
        name: "click", label: "The click, arrow keys move it", colour: "orange",
        where: () => (this.mode === "click" ? [this.x, this.y] : null),
        drag: (x, y) => this.point(x, y), keys: (dx, dy) => this.go(this.across + dx, this.down - dy),
        value: () => `column ${this.x}, row ${this.y}, ${this.label ? `nucleus ${this.label}` : "background"}`,
      });
      this.key = this.text("key", this.stages);
      this.note = this.text("note", this.stages);

      this.modes = this.choice({
        name: "mode", label: "Kind of prompt", options: { click: "One click", box: "One box" },
        change: (mode) => this.choose(mode),
      });
      this.numbers({ predicted: "IoU predicted by SAM", true: "true IoU", share: "share of the picture" });
      this.which = this.slider({
        name: "which", label: "which of the three masks", min: 0, max: 3, format: (k) => WHICH[k], change: () => {},
      });
      this.three = this.stage({
        label: "", view: [0, 3, 0, 1], aspect: 2.6, draw: (context) => this.drawThree(context), parent: this.panel,
      });
      this.nucleus = this.slider({ name: "nucleus", label: "nucleus", min: 1, max: BOXES.length, change: () => {} });
      this.margin = this.slider({
        name: "margin", label: "pixels between nucleus and box", min: 0, max: MARGINS.length - 1,
        format: (k) => MARGINS[k], change: () => {},
      });
    }

    reset() {
      this.which.value = 0;
      this.nucleus.value = 3;
      this.margin.value = 0;
      this.go(8, 6);
      this.choose(this.getAttribute("mode") === "box" ? "box" : "click");
    }

    choose(mode) {
      this.mode = mode;
      this.modes.value = mode;
      for (const part of [this.which, this.three]) part.element.hidden = mode !== "click";
      for (const part of [this.nucleus, this.margin]) part.element.hidden = mode !== "box";
    }

    /* The pointer is at (x, y): the nearest click, or the nucleus there. */
    point(x, y) {
      if (this.mode === "click") return this.go(Math.floor((x + 0.5) / STEP), Math.floor((y + 0.5) / STEP));
      const place = BOXES.findIndex(([label]) => label === pixel(Math.round(x), Math.round(y)));
      if (place >= 0) this.nucleus.value = place + 1;
    }

    go(across, down) {
      this.across = clamp(across, 0, PLACES - 1);
      this.down = clamp(down, 0, PLACES - 1);
    }

    get x() { return this.across * STEP + STEP / 2; }
    get y() { return this.down * STEP + STEP / 2; }

    /* The nucleus that is meant; 0 if the click lies in the background. */
    get label() { return this.mode === "click" ? pixel(this.x, this.y) : BOXES[this.nucleus.value - 1][0]; }

    /* Box around the nucleus: top, left, bottom, right. */
    get box() {
      const [, top, left, bottom, right] = BOXES[this.nucleus.value - 1], m = MARGINS[this.margin.value];
      return [top - m, left - m, bottom + m, right + m];
    }

    /* The answers to the click, from the smallest mask to the largest. */
    answers() {
      const k = 3 * (this.down * PLACES + this.across);
      return [0, 1, 2].map((i) => answer(BY_CLICK, k + i)).sort((a, b) => a.size - b.size);
    }

    update() {
      const { mode, label } = this;
      if (mode === "click") {
        this.all = this.answers();
        const surest = this.all.reduce((best, a, i) => (a.predicted > this.all[best].predicted ? i : best), 0);
        this.chosen = this.which.value ? this.which.value - 1 : surest;
        this.now = this.all[this.chosen];
      } else {
        this.now = answer(BY_BOX, (this.nucleus.value - 1) * MARGINS.length + this.margin.value);
      }
      const { now } = this, right = label ? iou(now.mask, NUCLEUS[label]) : null;
      const share = `${Math.round(100 * now.size / PIXELS)} %`;
      this.show("predicted", now.predicted.toFixed(2));
      this.show("true", label ? right.toFixed(2) : "–");
      this.show("share", share);
      this.note.textContent = this.words(label, right, now);
      this.setKey();
      this.image.label = `Nuclei with ${mode === "click" ? "a click" : "a box"} on `
        + `${label ? `nucleus ${label}` : "the background"} and the mask that answers it: ${share} of the picture.`;
      this.three.label = mode === "click" ? `Three masks with predicted IoU ${this.all.map((a) => a.predicted.toFixed(2)).join(", ")}.` : "";
      this.say(`Predicted IoU ${now.predicted.toFixed(2)}, true IoU ${label ? right.toFixed(2) : "none"}.`);
    }

    words(label, right, now) {
      if (!label) return "There is no nucleus under this click, and still there is a mask, with a predicted IoU. SAM always answers.";
      const wanted = area(NUCLEUS[label]);
      const sure = now.predicted >= 0.9 ? " SAM is sure of it: it judges the mask, not what you meant." : "";
      if (right >= 0.75) return `The mask is nucleus ${label}, nearly pixel by pixel.`;
      if (right >= 0.5) return `The mask is roughly nucleus ${label}: enough at an IoU of 0.5, too little at 0.75.`;
      if (now.size > wanted) return `Too much: the mask is ${(now.size / wanted).toFixed(1)} times as large as nucleus ${label}.${sure}`;
      return `Too little: the mask covers a part of nucleus ${label}.${sure}`;
    }

    // ---------------------------------------------------------------- pictures
    setKey() {
      const shapes = {
        line: (c) => `<line x1="1" y1="7" x2="21" y2="7" stroke="${c}" stroke-width="3"/>`,
        dash: (c) => `<line x1="1" y1="7" x2="21" y2="7" stroke="${c}" stroke-width="2.5" stroke-dasharray="5 3"/>`,
        box: (c) => `<rect x="5" y="1" width="12" height="12" fill="${c}"/>`,
      };
      const entries = [["box", "sky", "SAM’s mask"]];
      if (this.label) entries.push(["line", "yellow", "annotated nucleus"]);
      if (this.mode === "box") entries.push(["dash", "orange", "box"]);
      // The marks lie on dark, like the picture, so that pale colours can be seen on light paper too.
      this.key.innerHTML = entries.map(([shape, colour, text]) => `<span><svg width="22" height="14" aria-hidden="true">`
        + `<rect width="22" height="14" rx="3" fill="#15181c"/>${shapes[shape](COLOURS[colour])}</svg> ${text}</span>`).join("");
    }

    /* Picture and tinted mask, in a square of a canvas. */
    paint(context, mask, left, top, side, opacity) {
      context.imageSmoothingEnabled = false;
      context.fillStyle = "#000";
      context.fillRect(left, top, side, side);
      if (this.picture.complete) context.drawImage(this.picture, left, top, side, side);
      context.fillStyle = COLOURS.sky;
      context.globalAlpha = opacity;
      const size = side / HALF;
      for (let y = 0; y < HALF; y++) {
        for (let x = 0, from; x < HALF; x++) { // one rectangle a run: no seams between pixels
          if (!mask[y * HALF + x]) continue;
          for (from = x; x + 1 < HALF && mask[y * HALF + x + 1];) x++;
          context.fillRect(left + from * size, top + y * size, (x - from + 1) * size, size);
        }
      }
      context.globalAlpha = 1;
    }

    drawImage(context) {
      const { image, label, now } = this;
      this.paint(context, now.mask, 0, 0, image.width, 0.5);
      const line = (colour, width, draw) => {
        context.strokeStyle = colour;
        context.lineWidth = width;
        context.beginPath();
        draw((xa, ya, xb, yb) => { context.moveTo(image.x(xa), image.y(ya)); context.lineTo(image.x(xb), image.y(yb)); });
        context.stroke();
      };
      if (label) {
        line(COLOURS.yellow, 2, (edge) => LABELS.forEach((found, i) => {
          if (found !== label) return;
          const x = i % SIDE, y = Math.floor(i / SIDE);
          if (pixel(x - 1, y) !== label) edge(x - 0.5, y - 0.5, x - 0.5, y + 0.5);
          if (pixel(x + 1, y) !== label) edge(x + 0.5, y - 0.5, x + 0.5, y + 0.5);
          if (pixel(x, y - 1) !== label) edge(x - 0.5, y - 0.5, x + 0.5, y - 0.5);
          if (pixel(x, y + 1) !== label) edge(x - 0.5, y + 0.5, x + 0.5, y + 0.5);
        }));
      }
      if (this.mode === "box") {
        const [top, left, bottom, right] = this.box;
        context.setLineDash([6, 4]);
        line(COLOURS.orange, 3, () => context.rect(image.x(left - 0.5), image.y(top - 0.5),
          image.x(right) - image.x(left), image.y(bottom) - image.y(top)));
        context.setLineDash([]);
      }
    }

    drawThree(context) {
      if (this.mode !== "click") return;
      const gap = 8, side = (this.three.width - 2 * gap) / 3;
      context.font = "600 13px system-ui, sans-serif";
      context.textAlign = "center";
      this.all.forEach((found, i) => {
        const left = i * (side + gap);
        this.paint(context, found.mask, left, 0, side, 0.6);
        if (i === this.chosen) {
          context.strokeStyle = this.colour("accent");
          context.lineWidth = 4;
          context.strokeRect(left + 2, 2, side - 4, side - 4);
        }
        context.fillStyle = this.colour("ink");
        context.fillText(found.predicted.toFixed(2), left + side / 2, side + 16);
      });
    }
  }

  define("sam-explorer", SamExplorer);
})();
