//go:build sqlite_fts5 || fts5

package sqlite

const missingTag = ""
