package tarsconf

import "slices"

// Merge lays over's values over d's, path by path: where both have a key,
// over's value takes the place of d's; what only over has is added, with the
// comments that stand directly above it. Nothing is taken away. A key that
// over repeats replaces all of d's of that name. over is not changed.
func (d *Document) Merge(over *Document) {
	merge(group{d.root}, group{over.root})
}

func merge(base, over group) {
	done := make(map[string]bool)
	for _, from := range over {
		for i, n := range from.nodes {
			switch n := n.(type) {
			case *entry:
				if !done["="+n.key] {
					done["="+n.key] = true
					mergeEntries(base, over, n.key, from.commentsAbove(i))
				}
			case *domain:
				if !done["<"+n.name] {
					done["<"+n.name] = true
					mergeDomain(base, over, n.name, from.commentsAbove(i))
				}
			}
		}
	}
}

func mergeDomain(base, over group, name string, comments []node) {
	sub := base.sub(name)
	if len(sub) == 0 {
		last := base[len(base)-1]
		last.append(comments...)
		fresh := &domain{name: name}
		last.insert(len(last.nodes), fresh)
		sub = group{fresh}
	}
	merge(sub, over.sub(name))
}

// mergeEntries replaces the base's entries of the key, one by one, by those of
// over, and takes away or adds where the numbers differ.
func mergeEntries(base, over group, key string, comments []node) {
	var fresh []*entry
	for _, d := range over {
		fresh = append(fresh, d.entries(key)...)
	}
	kept := 0
	home, at := base[len(base)-1], -1
	for _, d := range base {
		for _, e := range d.entries(key) {
			if kept == len(fresh) {
				d.remove(e)
				continue
			}
			e.replace(fresh[kept].value, fresh[kept].bare)
			e.line = fresh[kept].line
			kept++
			home, at = d, slices.Index(d.nodes, node(e))+1
		}
	}
	if at < 0 {
		at = home.afterEntries()
		for _, c := range comments {
			home.insert(at, c.clone())
			at++
		}
	}
	for _, e := range fresh[kept:] {
		home.insert(at, e.clone())
		at++
	}
}

func (d *domain) append(nodes ...node) {
	for _, n := range nodes {
		d.insert(len(d.nodes), n.clone())
	}
}

// commentsAbove are the comments directly above place i, no blank line
// between.
func (d *domain) commentsAbove(i int) []node {
	first := i
	for first > 0 {
		c, ok := d.nodes[first-1].(*comment)
		if !ok || c.blank() {
			break
		}
		first--
	}
	return d.nodes[first:i]
}
