package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// summed are the tables whose rows have a checksum: of all columns but stamp and
// sum, in the order of the schema.
var summed = []string{"app", "account", "conversation", "entry", "member", "membership", "kept"}

// Verify reads every row, and calls damaged for each that is not as it was
// written. It returns how many rows there are.
func (s *Store) Verify(ctx context.Context, damaged func(row string)) (rows int64, err error) {
	if d, ok := s.dialect.(*sqliteDB); ok {
		if err := d.integrity(ctx, damaged); err != nil {
			return 0, err
		}
	}
	err = s.View(ctx, func(v *View) error {
		for _, table := range summed {
			n, err := verifyTable(v, table, damaged)
			rows += n
			if err != nil {
				damaged(fmt.Sprintf("%s: %v", table, err))
			}
		}
		return ctx.Err()
	})
	return rows, err
}

func verifyTable(v *View, table string, damaged func(string)) (n int64, err error) {
	var columns []string
	var values []any
	err = v.Each(func(rows *sql.Rows) error {
		if columns == nil {
			var err error
			if columns, err = rows.Columns(); err != nil {
				return err
			}
			values = make([]any, len(columns))
		}
		to := make([]any, len(columns))
		for i := range to {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		n++
		var contents []any
		var sum int64
		for i, c := range columns {
			switch x := values[i].(type) {
			case int64, string, []byte:
				if c == "sum" {
					sum, _ = x.(int64)
				} else if c != "stamp" {
					contents = append(contents, x)
				}
			default:
				damaged(fmt.Sprintf("%s, row %d: column %s is a %T", table, n, c, x))
				return nil
			}
		}
		if Sum(contents...) != sum {
			damaged(describe(table, columns, values))
		}
		return nil
	}, "SELECT * FROM "+table)
	return n, err
}

// describe names a row by its first columns, which hold no secrets.
func describe(table string, columns []string, values []any) string {
	var b strings.Builder
	b.WriteString(table)
	for i, c := range columns[:3] {
		if text, ok := values[i].([]byte); ok {
			values[i] = string(text)
		}
		fmt.Fprintf(&b, " %s=%v", c, values[i])
	}
	return b.String()
}

// integrity lets SQLite look at the structure of its file, indexes included.
func (d *sqliteDB) integrity(ctx context.Context, damaged func(string)) error {
	rows, err := d.read.QueryContext(ctx, "PRAGMA integrity_check")
	if err != nil {
		return explain(err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var said string
		if err := rows.Scan(&said); err != nil {
			return explain(err)
		}
		all = append(all, strings.Split(said, "\n")...)
	}
	for _, said := range slices.Compact(all) {
		if said != "ok" {
			damaged("the file: " + said)
		}
	}
	return explain(rows.Err())
}
