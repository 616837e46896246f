// Trained start weights of the delta codec, one character each. Written by
// `node build/host-tools/telemetry/train.js test/data/telemetry firmware/codec/delta/priors-table.ts`.
export const PRIORS =
  "e}Ml^MMMMMM    |{q}qmLLLLLLLLLLL}dk\\LLLL        }wwuofnvqZjQj   o_ehtrty}wxswvtz" +
  "}p\\W^kHHHHHHHHHg}}}}}}}}}}}}}}}}H}nhmdHHHHHHHHHH}TX\\LFEEEEEEEEEE}FFmPFFFFFFFFFFF" +
  "[JJkkJWuJJJJ}   krI}knIIRIIIITiItqttwv}ppnlf_iYr}t              g}              " +
  "}e              }z              }c[GEEEMEEEEEEEE}llha_VTPRONMML]q}ysohcXXTQNONMS" +
  "lxz}picZYVSOOOOUs}c\\XYOSSNLHNHK[b}_XRNKKIKHJGGHSm}meda^[]^Z\\ZXZh}{me``^\\YYYW[ZYh" +
  "o}gb]YUTSQQQNMMZv}rnkkgeecbcab`q}|{xz{zxxxxxvwst}}}}}}}}}}}}}}}}}JbGT0CF=0S000=0" +
  "0000D000000000D5}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}" +
  "}il1[1Q1J1^1J1111111J1111111111I}{mWa5X5R5R55555555555555555555N}|44444444444444" +
  "4444444444444444}svfh\\_99Sn9[999999Sa999N99Whpmzr}]gT3VUi3W3J33333J3R33333333O3m" +
  "q}mhd5e[[5e55555f55555555555555rvy6}p666666666666666666666666666[}U[111[p1U111U1" +
  "U1111111111111U1o}an3[33^[a33333333333333333333Vjz_}`il6h6a66666Y66Vb66666Y666gb" +
  "bl8}ly8l88n888j888]8l888o8b888cjpqqywn}b{urnb`e=gYg=t=p=e======j{rnz}x|rxvl@scsf" +
  "@@c@@@t@k@q@@@vdx}ia555b[`d5555555ip55555555555g}pk66]6k66666666666s66666666666w" +
  "}hgNNIG9B:551884811181111181161?}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}" +
  "}}}}}}}}}}}}}}}}}uq`bZ\\SVILJKJ>94>C4<44444:;744K}rs_`VYHKFG3@AE3:33333<33333333K" +
  "}vwttdibb8Z8W88X8888888888888888}uvppmnhidfafYZZUZXWR^YRSRQSRROw}z{rsmngiccZ\\XXM" +
  "MRLENI:BGBBGA<<j}{zvvqqhkcg[bX[PWJHRQQIHID;G@;G_}xwutptknfjehd][YTTWZWZT;;;;;P;a" +
  "}}}zzvwrskljg`d^YYVPQKUJM>>>C>F\\}z|zyuvprmmeg`bY^RUSWUMJQNEKKAH_}z{yywwrtnplmfhb" +
  "c\\`Y[[\\XONQMQNPb}zzzyyxuuusssmomjdjbgeg`dYb[\\Q]m}{{zywvtrpomijfeda_]^X[XVUTRPPMd" +
  "}|{z{zzxwvvsqqpmnkjekcc`^\\[[ZXXn}}z{xyuurrnojjfgecaa_]]\\[VYUVTTi}|{{yzxyuwtuqsnn" +
  "lkjhgcdadaa\\a[_r";
