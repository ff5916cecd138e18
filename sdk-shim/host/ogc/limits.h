/* host/ogc/limits.h -- every bound of this module by name. */
#ifndef HOST_OGC_LIMITS_H
#define HOST_OGC_LIMITS_H

enum {
    HOST_ITEMS_LIMIT_DEFAULT = 100,
    HOST_ITEMS_LIMIT_MAX = 10000,       /* of one page; an export has none */
    HOST_ITEMS_HTML_LIMIT_MAX = 1000,   /* rows of a page that a person reads */
    HOST_ITEMS_PIECE_ROWS = 500,        /* rows asked of the plugin at once */
    HOST_ITEMS_PIECE_BYTES = 256 << 20, /* of one piece of a response */
    HOST_QUERY_PAIRS_MAX = 64,          /* parameters of one request */
    HOST_QUERY_NAMES_MAX = 130,         /* names in one list */
    HOST_QUERY_VALUE_MAX = 8192,        /* bytes of one value */
    HOST_CURSOR_MAX = 2048,
    HOST_FILTER_BYTES_MAX = 64 << 10,
    HOST_DOC_BYTES_MAX = 16 << 20, /* of one JSON or HTML document */
    HOST_COLLECTIONS_MAX = 2000,
    HOST_EDIT_DOCUMENT_BYTES_MAX = 8 << 20, /* of a body that is read as a whole */
    HOST_EDIT_RECORD_BYTES_MAX = 4 << 20,   /* of one feature of a stream */
    HOST_EDIT_BATCH_ROWS = 256,
    HOST_EDIT_BATCH_BYTES = 1 << 20,
    HOST_EDIT_SKIPPED_MAX = 10000,     /* features that cannot be read before an edit gives up */
    HOST_EDIT_ERRORS_MAX = 100,        /* told one by one in an answer */
    HOST_CRS_CACHED_MAX = 16,          /* transformations kept by one PROJ context */
    HOST_TILE_CACHE_BYTES = 128 << 20, /* default of tiles.cache_bytes */
    HOST_TILE_BYTES_MAX = 8 << 20,     /* of one tile */
    HOST_TILE_WAIT_MS = 20000,         /* for another request that computes the same tile */
    HOST_STYLE_BYTES_MAX = 4 << 20,
    HOST_UPSTREAM_BYTES_MAX = 2 << 20, /* of one base map tile */
    HOST_UPSTREAM_CACHE_BYTES = 32 << 20,
    HOST_UPSTREAM_CONNECT_MS = 3000,
    HOST_UPSTREAM_TOTAL_MS = 8000,
    HOST_UPSTREAM_CONCURRENT_MAX = 8, /* workers that may wait for the base map at once */
    HOST_WEBHOOK_CONNECT_MS = 5000,
    HOST_WEBHOOK_TOTAL_MS = 15000,
    HOST_WEBHOOK_ANSWER_BYTES = 64 << 10 /* read of what a receiver answers */
};

#endif
