package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// stampRange is how many ids one sum covers.
const stampRange = 1024

// stampSum tells the stamps of the rows in one range of ids from any others they
// may have had, without reading them.
//
// The weighted sum counts each stamp, as the number that its digits are, by the
// row's place in the range: any number of stamps that move on makes it grow,
// whichever rows have them. Only stamps that move back (those of TarsWeb's time
// zone) can make up for others, and only in numbers that fit to the millisecond;
// and what was stamped just now makes its range young, which is read in any case.
// Rows that come or go show in their number and the sum of their ids, as no id is
// given twice.
type stampSum struct {
	part     int64 // ids of part*stampRange and above
	rows     int64
	ids      int64
	weighted string // in full: it may be longer than an int64
	young    bool   // has rows that are to be read again
}

// sumStamps asks for the young rows first: by the time that the sums are made
// they might have settled.
func (s *Store) sumStamps(ctx context.Context, on runner, table string) (sums []stampSum, young []int64, err error) {
	if young, err = s.youngStamps(ctx, on, table); err != nil {
		return nil, nil, err
	}
	query := fmt.Sprintf("SELECT id DIV %[1]d, COUNT(*), SUM(id), SUM((id MOD %[1]d + 1) * (registry_timestamp + 0)) FROM %[2]s GROUP BY 1",
		stampRange, table)
	err = s.each(ctx, on, "stamp_sums", query, nil, func(row *scanner) {
		sums = append(sums, stampSum{part: row.int(), rows: row.int(), ids: row.int(), weighted: row.text()})
	})
	slices.SortFunc(sums, func(a, b stampSum) int { return cmp.Compare(a.part, b.part) })
	for _, id := range young {
		i, found := slices.BinarySearchFunc(sums, id/stampRange, func(sum stampSum, part int64) int { return cmp.Compare(sum.part, part) })
		if found {
			sums[i].young = true
		}
	}
	return sums, young, err
}

// changedRanges gives the ranges that have to be read, and those that have no rows
// any more: all whose sum is another one, or that are young or were.
func changedRanges(known, current []stampSum) map[int64]bool {
	before := make(map[int64]stampSum, len(known))
	for _, sum := range known {
		before[sum.part] = sum
	}
	changed := map[int64]bool{}
	for _, sum := range current {
		if before[sum.part] != sum || sum.young {
			changed[sum.part] = true
		}
		delete(before, sum.part)
	}
	for part := range before {
		changed[part] = true
	}
	return changed
}

// rangesCondition holds for the ids of these ranges.
func rangesCondition(ranges map[int64]bool) string {
	terms := make([]string, 0, len(ranges))
	for _, part := range slices.Sorted(maps.Keys(ranges)) {
		terms = append(terms, fmt.Sprintf("id BETWEEN %d AND %d", part*stampRange, (part+1)*stampRange-1))
	}
	return " WHERE " + strings.Join(terms, " OR ")
}

func rowsIn(sums []stampSum) int {
	rows := 0
	for _, sum := range sums {
		rows += int(sum.rows)
	}
	return rows
}
