// Trained start weights of the delta codec, one character each. Written by
// `node build/host-tools/telemetry/train.js test/data/telemetry firmware/codec/delta/priors-table.ts`.
export const PRIORS =
  "e}MlbMMMMMM    |{q}qmLLLLLLLLLLL}dk\\LLLL        yvrr}^bih       o`ehtrty}wytxvu{" +
  "}p[W^kHHHHHHHHHh}}}}}}}}}}}}}}}}H}nimeHHHHHHHHHH}VW\\LEEEEEEEEEEE}FFnPFFFFFFFFFFF" +
  "ZNNdrNNs}       ksI}knIIRIIIITjIsrsuvw}rpnmg_iZr}[\\SZPTN_NKPUQPY}lgjmggjjfiihgnv" +
  "dc\\fUSPe\\_G_W`]}}^`LYLNL\\MJJOJML}mlhkkjjmihijgilw{x}uqu}lv{pzwu|}c\\GEEEKEEEEEEEE" +
  "}tkg_^YXWTSRRPRbs}tihc`^]ZWTVWQdu}}|tpiecaba_^_lj}h[\\VTRQPMKMKLV}}|}|zyzwwusstsr" +
  "222222222222222Y}scYS222222222222222222222222Z222}s_[2Z2222222222211111111111111" +
  "Vd}o1VV111111111111222222222222222m}nZ2Z2222Z2222222222222222222222o}pZ2`2222222" +
  "222223333333333333ZZt}og[3c33333333333{x`===W====Waaryx}pd^rWW=Wg=S=lq|999999999" +
  "9999gjy}wmp99aah9999999yY888888888_88kw}{rieem8_8888888_`======i=====uow}r|xiou=" +
  "=i=y====uo===========rrm}||zrr=r=w=======mruoc==========v|}t=hn=}oh=hp==h=uq====" +
  "====cnmehdmpy}ztjwuvpcqng[==e>>>>[>>>[boummmyxx{}rvgkjhouo>>gr888888f8888y8ce{}8" +
  "^8e8888w888888m999999s9999v9e9|}9\\9v99999999999v11<11111<1<<1NRm}jNOJ11CC1111C11" +
  "E2222222222J22YYq}pWN222222L22222D33333333333JKX\\s}s^ZK3B33?333333K3333333?3J3HM" +
  "S\\t}s`VV3KH33333333F55555C555M5OXWdw}wg[TPQ@=E555C=5K=:C@EL6BEJMUVbiv}yjd]OUJ6=J" +
  "D=<66TRTSTS^YYZ[addjm}y{okfedXVWSYVQTQyF@MBGMOQQY[clnty}ytqjhaPVQER>::E_B>DHEOTV" +
  "Y\\eimtw{}|xtole`XTUJJDK@`OPDFMZ[X_dilpux{}{yvqmjb[YUWIJFBaLGMQTXY\\aeknrvyz}zxwrp" +
  "lfb\\ZZPNOJdXTVXZb_bijoqswxz}{xvtqpkgdec]\\XPjPNRQSVYc`dhmqvz{}zwspkfafZYWQLOIeWRV" +
  "W]^_ehkosuxz{}|zwtqljhc^\\XWURjQRRUY`^`cfinrwz}}zwsokfd_]]\\WYTVjWX\\^`adgimqtwz{}}" +
  "{zvsqmkheda`[\\Xo";
