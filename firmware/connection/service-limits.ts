/** Limits that only the service side enforces; devices never load this file (Azure docs "Quotas and throttling"). */

export const SERVER_KEEP_ALIVE_CAP_S = 1767;

export const C2D_BYTES_MAX = 65_536;
export const C2D_PENDING_MAX = 50;
export const C2D_LOCK_S = 60;
export const C2D_TTL_DEFAULT_S = 3600;
export const C2D_TTL_MIN_S = 60;
export const C2D_TTL_MAX_S = 172_800;
export const C2D_DELIVERIES_DEFAULT = 10;
export const C2D_DELIVERIES_MAX = 100;

export const TWIN_TAGS_BYTES_MAX = 8192;
export const TWIN_VALUE_BYTES_MAX = 4096;
export const TWIN_KEY_BYTES_MAX = 1024;
export const TWIN_INTEGER_MIN = -4_503_599_627_370_496;
export const TWIN_INTEGER_MAX = 4_503_599_627_370_495;

export const METHOD_TIMEOUT_DEFAULT_S = 30;
export const METHOD_TIMEOUT_MIN_S = 5;
export const METHOD_TIMEOUT_MAX_S = 300;
export const METHOD_CONNECT_TIMEOUT_MAX_S = 300;

export const FEEDBACK_BATCH_MAX = 64;
export const FEEDBACK_DELAY_S = 15;

export const UPLOADS_PENDING_MAX = 10;
export const IDENTITIES_BULK_MAX = 100;
export const QUERY_PAGE_MAX = 100;

export const DPS_MESSAGE_BYTES_MAX = 98_304;
export const DPS_RETRY_AFTER_DEFAULT_S = 3;
/** Status polls of one device within ten seconds. */
export const DPS_POLLS_PER_10_S = 5;
