package routing

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

func TestGroupOf(t *testing.T) {
	g := newGroups([]naming.GroupRule{
		// Given out of order: a later group_id wins a duplicate.
		{ID: 9, AllowRule: "10.0.0.9|dup"},
		{ID: 1, AllowRule: "10.0.0.1|10.0.1.*|node-one|fe80::1|dup|10.0.4.*"},
		{ID: 2, AllowRule: "10.0.0.*|0.0.0.*|*.*.*.*|10.*|*| 10.0.2.1 |10.0.3.1,10.0.3.2"},
		{ID: 3, AllowRule: "10.0.4.*||10.0.1.300|FE80::2|010.0.5.*|10.0.6.7.*"},
	}, nil)
	for host, want := range map[string]int32{
		"10.0.0.1":     1, // exact before a.b.c.*
		"10.0.0.9":     9,
		"10.0.0.77":    2,
		"10.0.1.255":   1,
		"10.0.1.256":   noGroup, // no address
		"10.0.1.300":   3,       // but a name that a rule has
		"10.0.01.1":    noGroup,
		"10.0.1":       noGroup,
		"10.0.1.1.1":   noGroup,
		"10.0.2.1":     noGroup, // rules are not trimmed
		"10.0.3.1":     noGroup, // nor separated by commas
		"10.0.4.1":     3,
		"10.0.5.1":     noGroup, // no wildcard but of a canonical prefix
		"10.0.6.7":     noGroup,
		"11.1.1.1":     noGroup,
		"node-one":     1,
		"Node-One":     noGroup,
		"dup":          9,
		"fe80::1":      1,
		"::1":          noGroup,
		"host.example": noGroup,
		"0.0.0.5":      2,
		"10.0.1.*":     1, // the rule's text itself
		"":             noGroup,
	} {
		if got := g.ofHost(host); got != want {
			t.Errorf("group of host %q is %d, want %d", host, got, want)
		}
		if got := g.ofCaller(Caller{Name: host, Address: netip.MustParseAddr("99.9.9.9")}); got != want {
			t.Errorf("group of caller %q is %d, want %d", host, got, want)
		}
		if address, err := netip.ParseAddr(host); err == nil {
			if got := g.ofCaller(Caller{Address: address}); got != want {
				t.Errorf("group of address %s is %d, want %d", host, got, want)
			}
		}
	}
	if got := g.ofCaller(Caller{Address: netip.MustParseAddr("::ffff:10.0.1.5")}); got != 1 {
		t.Errorf("group of an IPv4 address within IPv6 is %d", got)
	}
	if got := g.ofCaller(Caller{}); got != noGroup {
		t.Errorf("group of nobody is %d", got)
	}
}

func TestPriorities(t *testing.T) {
	g := newGroups(nil, []naming.GroupPriority{
		{ID: 2, Groups: "2", Order: 5, Station: "twice"},
		{ID: 1, Groups: "1", Order: 5, Station: "twice"}, // equal list_order: by id
		{ID: 3, Groups: "3", Order: -1, Station: ""},
	})
	var ids []int32
	for _, p := range g.priorities {
		ids = append(ids, p.id)
	}
	if !slices.Equal(ids, []int32{3, 1, 2}) {
		t.Errorf("order %v", ids)
	}
	if at := g.stations["twice"]; g.priorities[at].id != 1 {
		t.Errorf("station of row %d", g.priorities[at].id)
	}
	if _, ok := g.stations["Twice"]; ok {
		t.Error("stations are compared without case")
	}
}

func TestParseGroupList(t *testing.T) {
	for list, want := range map[string][]int32{
		"":                           nil,
		"1|2,3;4":                    {1, 2, 3, 4},
		"|1||2|":                     {1, 2},
		"x|14|9z|":                   {0, 14, 9},
		"-1":                         {-1},
		" \t7 ,+8,- 9":               {7, 8, 0},
		"2147483647|2147483648":      {math.MaxInt32, math.MaxInt32},
		"-2147483648|-9999999999999": {math.MinInt32, math.MinInt32},
		"99999999999999999999999999": {math.MaxInt32},
	} {
		if got := parseGroupList(list); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", list, got, want)
		}
	}
}

// FuzzParseIPv4: what it reads is what netip reads as IPv4.
func FuzzParseIPv4(f *testing.F) {
	for _, text := range []string{"10.0.0.1", "255.255.255.255", "256.1.1.1", "01.1.1.1", "1.2.3", "1.2.3.4.5", "1..2.3", "::1", "1.2.3.4 ", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		octets, ok := parseIPv4(text)
		address, err := netip.ParseAddr(text)
		if want := err == nil && address.Is4(); ok != want {
			t.Fatalf("%q: %v, netip says %v", text, ok, want)
		}
		if ok && netip.AddrFrom4(octets) != address {
			t.Errorf("%q: %v", text, octets)
		}
	})
}

// FuzzParseGroupList: of lists of plain numbers nothing is lost.
func FuzzParseGroupList(f *testing.F) {
	for _, list := range []string{"1|2,3;4", "x|14|9z|", "-1", "+-1", "\x00|\xff", "99999999999"} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		got := parseGroupList(list)
		var want []int32
		for _, part := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune("|,;", r) }) {
			n, err := strconv.ParseInt(part, 10, 32)
			if err != nil {
				return // C's atoi reads more than ParseInt
			}
			want = append(want, int32(n))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", list, got, want)
		}
	})
}

// FuzzRules: no rule and no host of any form does harm.
func FuzzRules(f *testing.F) {
	f.Add("10.0.0.1|10.0.1.*", "10.0.1.7", "1|2", "name")
	f.Add("*.*.*.*||..*|.*", "", ";", " ")
	f.Fuzz(func(t *testing.T, rule, host, list, name string) {
		g := newGroups(
			[]naming.GroupRule{{ID: 1, Name: name, AllowRule: rule}, {ID: 2, AllowRule: rule}},
			[]naming.GroupPriority{{ID: 1, Groups: list, Station: name}},
		)
		if got := g.ofHost(host); got != noGroup && got != 2 {
			t.Errorf("host %q is in group %d", host, got)
		}
		if host != "" && !strings.Contains(host, "|") {
			g := newGroups([]naming.GroupRule{{ID: 3, AllowRule: rule + "|" + host}}, nil)
			if got := g.ofCaller(Caller{Name: host}); got != 3 {
				t.Errorf("%q is in group %d although the rule names it", host, got)
			}
		}
	})
}

func TestParseSetQuery(t *testing.T) {
	for text, want := range map[string]setQuery{
		"a.b.1":     {"a.b.1", "a.b", "a", "1"},
		"a.b.*":     {"a.b.*", "a.b", "a", "*"},
		".a.b.1":    {"a.b.1", "a.b", "a", "1"},
		"a.b.1.":    {"a.b.1", "a.b", "a", "1"},
		"..a..b.1.": {"a.b.1", "a.b", "a", "1"},
		"a.b. 1":    {"a.b. 1", "a.b", "a", " 1"},
		"*a.b*.**":  {"*a.b*.**", "*a.b*", "*a", "**"},
	} {
		if got, ok := parseSetQuery(text); !ok || got != want {
			t.Errorf("%q: %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "a", "a.b", "a.b.", "...", "a.b.c.d", "*.b.1", "a.*.1", ".*.b.1", "a..b"} {
		if got, ok := parseSetQuery(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

// FuzzParseSetQuery compares with the plain way.
func FuzzParseSetQuery(f *testing.F) {
	for _, text := range []string{"a.b.1", ".a.b.*.", "a..b.1", "*.b.1", "a.b.c.d", "é.ü.1", "."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parts := slices.DeleteFunc(strings.Split(text, "."), func(part string) bool { return part == "" })
		valid := len(parts) == 3 && parts[0] != "*" && parts[1] != "*"
		got, ok := parseSetQuery(text)
		if ok != valid {
			t.Fatalf("%q: %v, want %v", text, ok, valid)
		}
		if !ok {
			return
		}
		want := setQuery{strings.Join(parts, "."), parts[0] + "." + parts[1], parts[0], parts[2]}
		if got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	})
}
