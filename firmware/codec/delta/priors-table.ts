// Trained start weights of the delta codec, one character each. Written by
// `node build/host-tools/telemetry/train.js test/data/telemetry firmware/codec/delta/priors-table.ts`.
export const PRIORS =
  "e}MlbMMMMMM    |{q}qmLLLLLLLLLLL}dk\\LLLL        yvrr}^bih       o`ehtrty}wytxvu{" +
  "}o\\W^kHHHHHHHHHh}}}}}}}}}}}}}}}}H}nimeHHHHHHHHHH}VW\\LEEEEEEEEEEE}FFnPFFFFFFFFFFF" +
  "ZNNdrNNs}       ksI}knIISIIIITjIttwuww}ronlg_iZr}t              g}              " +
  "}f              }z              }c\\GEEELEEEEEEEE}tkg_^YXWTSRRPRbs}tihc`^]ZWTVWQd" +
  "u}}|tpiecaba_^_lj}h[\\VTRQPMKMKLV}}|}|zyzwwusstsr}^t2a2Y2X22222222222222222222222" +
  "}\\p1b1]W111111111111111111111111}dr2Y22222S2222222S2222222222222}hqUU2U2`2U22222" +
  "2222222222222222}ws^f4Y4_4X444444444444444444444}{qjn^k888c8888888^8888888888d8x" +
  "rvxpkac]USn9Y9Y9[99Sc999N99\\hsm}}|txmrgff:uf::f::::::::::::::::jt|}|znrtnhr>>>>>" +
  "h>>hx>>>>>>>>>votyi}io888io8888888888888888888or7s7o7ooi77}777v777i77777777777j7" +
  "mt888qb88888n8888888o8888pgbbno}x|{}r}uxluzxygiytff_hssBdBfBBBBixzoza}lzmuunjlok" +
  "id@cpouejk@n@@pt}4i4i4`44u444444444r44444444444c}eX4`4444v444444444q44444444444n" +
  "}mgSJHP1J<1<11A<D111111111D<111D}ppUXYR@JE2E22=22222G2222222222C}us^`SYJSMF4A444" +
  "44>444444444444K}vvee[^WTIIFQFH5;<55555555?5555M}|ykngh_aYZPTUGD8=C8DJ>8A888=8CU" +
  "}zzrtmphibe[`XXJOTHJQODGJF?N?BCg|z}uurrkmikeh\\]\\[[[[U^[TTTQSTSPx}{{xytupqkmhhab]" +
  "\\RRSUUQEK=EEHJB_}{{yyuwprmnijed`]]\\[UUWSGMKDLJEa}z{yxwvsroqlnhidc]_^_]^UUWUQMMIe" +
  "}zzxxvvtssqqqknhibd`gccY`Q_VXQUk}zzyxxwvuttttoommfkfggj_e_c_`Y]q}z{yxxussonmjgfe" +
  "ic^]Z[ZXSTTSQPQf}zzyzzxwwtutpoonplffdfda^]Z][XVq}zzyxwtsqonkiheee``^^_\\[[WTWVOPi" +
  "}zyyxxuvtttroomlijfheeccb^]^^\\Yq";
