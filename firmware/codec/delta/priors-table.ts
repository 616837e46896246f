// Trained start weights of the delta codec, one character each. Written by
// `npm run build && node build/host-tools/telemetry/train.js`; `--check` compares instead.
export const PRIORS =
  "d}Lg]LLLLLL    {|z}pl\\WSRQQQQQQQ}ekYKKKK        }pklvPPUc       pghhrruz}xzrssrv" +
  "}qb]ggQLIHHHIJNc}}}}}}}}}}}}}}}}i}qlngYTQPOOOOOO}bYRLZGEDDDDDDDD}ohlbZVTSRRRRRRR" +
  "lSSZtSSi}       jpq{}|qd`ZXWY_gmtrtvyx}spmjgak^j}^\\U^LOTaKQTXSOZ}ljjkcbjmcgeiekv" +
  "dc`gZ^\\l]dRdbf`}}__LZLNI^IKGQHJM}lihkefflcdbfdcgtmntrcinelmkmqn}}iaVRU[w[TNKJIII" +
  "}vuqkeb_\\YWWXVRfq}wqlgcca^WZXSVcpz}wskgd_^]\\[VXgf}h]_ZUSQNKBLHEW}{|zyzwyutstrrus" +
  "68>,8,=7?8;GEQUk}kUQIK;;;:;319,8H4C;4>4949@CKCUVp}nZSHN?894E>4444@11;41181=C=LKW" +
  "[o}n\\WMPF>>8485111G4@44;9>=IHEPPW`r}q`ZOQIEIC<69747F33377CC5GKJUU_et}sd^WXIFB@5?" +
  "8879L7A;6=IACJINTVahu}uhbXYRME4GI=49AV^ZQORXWVZ[[acinv}wnidb^YWVX[UTV\\xBCEEFMKFS" +
  "TYbgjpu}uokfbZVWKHMK<@A_?GKBDPQTX\\agiptw}xupkha^URPSI@DJ\\IPBDOUXV^acjlqtv}vtqmjf" +
  "`\\VTWQBJKbILNHVZXX_cglosuv}vtsomid`[YZUPLPeXTWW\\a`afhmppstv}vutppmhfabb\\[YXlMQOP" +
  "VVYabcimqvyz}yvrokfef[\\ZXROOeWSXY[^aehknruxzz}zyvspljhdb`]ZZXjNPTRY]__bejorvz|}y" +
  "vpmigdaaYXUUOPfUVZ]]_dehmqstxz|}zwuqokgec`^][XSm";
