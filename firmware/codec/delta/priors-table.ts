// Trained start weights of the delta codec, one character each. Written by
// `npm run build && node build/host-tools/telemetry/train.js`; `--check` compares instead.
export const PRIORS =
  "d}Lg]LLLLLL    {|z}pl\\WSRQQQQQQQ}ekYKKKK        }plmvPPUc       pghhrruz}xzrssrv" +
  "}qb]ggQLIHHHIJNc}}}}}}}}}}}}}}}}i}qlngYTQPOOOOOO}c[ZOHFEDDDDDDDD}ohlbZVTSRRRRRRR" +
  "lSSZtSSi}       jpq{}|qd`ZXWY_gmtrtvyx}splie^i\\n}^\\U^LOTaKQTXSOZ}ljjkcbjmcgeiekv" +
  "dc`gZ^\\l]dRdbf`}}__LZLNI^IKGQHJM}lihkefflcdbfdcgtmntrcinelmkmqn}}iaVRU[w[TNKJIII" +
  "}vuqkeb_\\YWWYVRfp}wqlgcba^WZXSWcpz}wskgd_^]\\[VXgf}h]_ZUSQNKCLHEW}z|zyzwxutstrrts" +
  ">>A<><@>A>?EONRg}iXSIX?C@?G==?<JG@FB@D@B@BDFLFTVo}nZSJODAB@PD@@@@D@@BA@@A@CFCMLV" +
  "\\p}n]VPYHDDBAAA@@@IADAABBCCJIGOOV`q}q`YOWJGJIIABAAAHBBBBBFFBIKKTT]ft}sc]V_LHFLBD" +
  "BBBBOBECBDIEFJIMRU`hu}ugbX]PLGBRIDBJITmiYNPU^SWXX_`hnx}ymebi\\VV^c^SZbkyHHIIJNLJS" +
  "SXefipt}tnjdeYUXMPMLFNOgHKMIJPPSV^^kgnrv}vsnik^`SQWRKHJTZKOIIOTZT[_bjjoqs}sqnjme" +
  "^[U^UQITWbLMNKTW]W]_eoloqs}sqoknfa^YXYSPMYc^Z^TX]e]dgkumoqs}sqoltied^h`YZWfpILKR" +
  "OVV`ibdmrttv}usrljimjXa_eTOXcQORVZ`acdeiopwux}xvsooopjdceaUSXjOOSQWYi[^aeunsv{}u" +
  "rlndb`]lVVSSOPhTTWYZ[k`chluouuz}uspsjgca_\\ZZXURp69>,8,>8?9;GCQUl}kTQJG<:<:932:,." +
  "I4C;4>4:49@CKCUWp}nYTHM?894@?4444@11;51181=D=LKW[o}n\\WMLF>>9586111H4@44;9>=JHEPP" +
  "X`r}q`ZPOIEJC769848G44477DC6GKKUV_et}sd_XVIGC;6?8879L7B<6>IBCKINUVahu}uhbXXRMF5C" +
  "J=43AVSQOOSXVV[\\[bcjnv}vnida^ZWTT[URQSwCDEEGMKGTTYbgjpu}uolgb[VWLFMK<<<]@GKCEPQT" +
  "X[agjqtx}yupkga]UROSI@DI]IPBDPVXW^acjmrtv}vtrnjf`]WQXQBGHbJMNHV[WY_cglosuv}vusom" +
  "ida[ZZVQLOeXTUW]b_bfhmoqsuv}vutpomhfaab][YSlMQOQVVYaacimqvyz}yvrokfdf[[ZVRONeWSY" +
  "Y[^aehknruxzz}zyvtpljgeb`]ZZXjNPURZ]]_bejnrvz}}zvqmigda_YYVUPQfVVZ]]`dehmqsuxz|}" +
  "zxuqokhfd`_^[XTm";
