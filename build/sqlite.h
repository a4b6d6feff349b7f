/* Included before each C file (build.sh): what the driver's SQLite is built
 * without, for size, and so that a damaged file meets less code. The driver
 * itself turns some of it on. A plain go build leaves it in; nothing depends on
 * that. */
#undef SQLITE_ENABLE_FTS3
#undef SQLITE_ENABLE_FTS3_PARENTHESIS
#undef SQLITE_ENABLE_RTREE
#define SQLITE_OMIT_JSON 1
#define SQLITE_OMIT_UTF16 1
#define SQLITE_OMIT_SHARED_CACHE 1
#define SQLITE_OMIT_GET_TABLE 1
#define SQLITE_OMIT_TCL_VARIABLE 1
#define SQLITE_DEFAULT_MEMSTATUS 0
#define SQLITE_DQS 0
