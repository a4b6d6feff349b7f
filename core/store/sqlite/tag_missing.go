//go:build !sqlite_fts5 && !fts5

package sqlite

const missingTag = "the store was built without its search index: " +
	"give the go command -tags=sqlite_fts5,sqlite_omit_load_extension, or use ./build.sh, which does"
