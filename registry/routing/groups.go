package routing

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/tarsregistry/tarsregistry/internal/naming"
)

// noGroup is the group of everybody who is in none.
const noGroup int32 = -1

// Caller is who asks, for look-ups that choose by IP group.
type Caller struct {
	// Name is node_name of the request's context. All real clients send it.
	Name string
	// Address is the connection's; it counts where Name is empty.
	Address netip.Addr
}

// groups are the IP groups (t_server_group_rule) and which of them back each
// other up (t_group_priority), prepared for look-ups. It is immutable.
type groups struct {
	exact      map[string]int32     // allow_ip_rule entries as they stand
	addresses  map[netip.Addr]int32 // those of them that are an address as it is written
	prefixes   map[[3]byte]int32    // a.b.c.*
	names      map[string]int32
	priorities []priority // by list_order
	stations   map[string]int

	rules   []naming.GroupRule     // as given
	backups []naming.GroupPriority // as given
}

// priority is a row of t_group_priority.
type priority struct {
	id      int32
	groups  []int32
	station string
}

func (p *priority) holds(group int32) bool { return slices.Contains(p.groups, group) }

func newGroups(rules []naming.GroupRule, backups []naming.GroupPriority) *groups {
	g := &groups{
		exact:     make(map[string]int32),
		addresses: make(map[netip.Addr]int32),
		prefixes:  make(map[[3]byte]int32),
		names:     make(map[string]int32),
		stations:  make(map[string]int),
		rules:     slices.Clone(rules),
		backups:   slices.Clone(backups),
	}
	// A later group_id wins a duplicate.
	slices.SortStableFunc(g.rules, func(a, b naming.GroupRule) int { return cmp.Compare(a.ID, b.ID) })
	for _, rule := range g.rules {
		g.names[rule.Name] = rule.ID
		for entry := range strings.SplitSeq(rule.AllowRule, "|") {
			g.allow(entry, rule.ID)
		}
	}
	slices.SortStableFunc(g.backups, func(a, b naming.GroupPriority) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.ID, b.ID))
	})
	for i, row := range g.backups {
		g.priorities = append(g.priorities, priority{id: row.ID, groups: parseGroupList(row.Groups), station: row.Station})
		if _, taken := g.stations[row.Station]; !taken {
			g.stations[row.Station] = i
		}
	}
	return g
}

// allow notes one entry of an allow_ip_rule.
func (g *groups) allow(entry string, group int32) {
	if entry == "" {
		return
	}
	g.exact[entry] = group
	if address, err := netip.ParseAddr(entry); err == nil && address.String() == entry {
		g.addresses[address] = group
	}
	if begin, wild := strings.CutSuffix(entry, ".*"); wild {
		if prefix, ok := parseIPv4(begin + ".0"); ok {
			g.prefixes[[3]byte(prefix[:3])] = group
		}
	}
}

// ofHost is the group of an endpoint's host or of a caller's name: an exact
// rule, else a.b.c.* where it is an IPv4 address.
func (g *groups) ofHost(host string) int32 {
	if group, ok := g.exact[host]; ok {
		return group
	}
	if len(g.prefixes) == 0 {
		return noGroup
	}
	if octets, ok := parseIPv4(host); ok {
		return g.ofPrefix([3]byte(octets[:3]))
	}
	return noGroup
}

func (g *groups) ofPrefix(prefix [3]byte) int32 {
	if group, ok := g.prefixes[prefix]; ok {
		return group
	}
	return noGroup
}

// ofCaller is the group of who asks.
func (g *groups) ofCaller(caller Caller) int32 {
	if caller.Name != "" {
		return g.ofHost(caller.Name)
	}
	address := caller.Address.Unmap()
	if group, ok := g.addresses[address]; ok {
		return group
	}
	if address.Is4() {
		octets := address.As4()
		return g.ofPrefix([3]byte(octets[:3]))
	}
	return noGroup
}

// real is the grouprealid of a row: the group its server names, else its host's.
func (g *groups) real(r *row) int32 {
	if name := r.owner.groupName; name != "" {
		if group, ok := g.names[name]; ok {
			return group
		}
		return noGroup
	}
	return g.ofHost(r.Host)
}

// same says that look-ups cannot tell the two apart.
func (g *groups) same(o *groups) bool {
	return slices.Equal(g.rules, o.rules) && slices.Equal(g.backups, o.backups)
}

// parseGroupList reads t_group_priority.group_list: numbers separated by '|',
// ',' or ';', each as C's atoi reads it.
func parseGroupList(text string) []int32 {
	var list []int32
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '|' || r == ',' || r == ';' }) {
		list = append(list, atoi(part))
	}
	return list
}

// atoi is C's: blanks, a sign, digits, and whatever follows is ignored; 0 where
// there is no number.
func atoi(text string) int32 {
	text = strings.TrimLeft(text, " \t\n\v\f\r")
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	var value int64
	for i := 0; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		value = min(value*10+int64(text[i]-'0'), math.MaxInt32+1)
	}
	if negative {
		return int32(-value)
	}
	return int32(min(value, math.MaxInt32))
}

// parseIPv4 reads four decimal octets of at most 255 without leading zeros. It
// does not allocate, other than netip.ParseAddr for what is no address.
func parseIPv4(text string) (octets [4]byte, ok bool) {
	at := 0
	for n := range octets {
		if n > 0 {
			if at >= len(text) || text[at] != '.' {
				return octets, false
			}
			at++
		}
		start, value := at, 0
		for at < len(text) && at-start < 3 && '0' <= text[at] && text[at] <= '9' {
			value = value*10 + int(text[at]-'0')
			at++
		}
		if at == start || value > 255 || (text[start] == '0' && at-start > 1) {
			return octets, false
		}
		octets[n] = byte(value)
	}
	return octets, at == len(text)
}
