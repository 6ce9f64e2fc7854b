package registrydoctor

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/doctor"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry/replicas"
	"github.com/tarsregistry/tarsregistry/store"
)

// clockTolerance is what people may find confusing in logs and histories.
const clockTolerance = 5 * time.Second

// tables tells how far the tables are, and what TarsWeb has made of them.
func (e *examination) tables(ctx context.Context, opened *store.Store, found *store.Inspection) {
	const subject = "tables"
	status, err := opened.Status(ctx)
	switch {
	case err != nil:
		e.add(doctor.Problem, subject, remedy(err), "%v", err)
		return
	case status.Dirty:
		e.add(doctor.Warning, subject, "registry migrate up", "a step of the migrations was cut off; it is run again at the next start")
	case status.Version > status.Latest:
		e.add(doctor.Note, subject, "", "version %d, made by a newer registry; this one knows %d and works with it", status.Version, status.Latest)
	case status.Current():
		e.add(doctor.OK, subject, "", "version %d, up to date", status.Version)
	default:
		e.missing(found, status.Version, status.Latest)
	}
	var without []string
	for column, there := range status.Optional {
		if !there && len(found.Missing) == 0 {
			without = append(without, strings.TrimPrefix(column, "t_server_conf."))
		}
	}
	if found.ShortNodeAddress || found.MillisecondStamps || len(without) > 0 {
		e.add(doctor.Note, "TarsWeb", "", "the tables of Tars are as TarsWeb or another version of Tars left them%s; that is provided for", lacking(without))
	}
}

func lacking(columns []string) string {
	if len(columns) == 0 {
		return ""
	}
	return " (t_server_conf without " + strings.Join(sorted(columns), ", ") + ")"
}

func (e *examination) missing(found *store.Inspection, version, latest uint) {
	const subject = "tables"
	what := "version " + number(version) + " of " + number(latest)
	if len(found.Missing) > 0 {
		what += ", not there: " + strings.Join(found.Missing, ", ")
	}
	switch {
	case e.options.NoMigrate:
		e.add(doctor.Problem, subject, "registry migrate up, with a user that may", "%s, and --no-migrate keeps the registry from making them", what)
	case !found.MayCreate && !found.Roles:
		e.add(doctor.Problem, subject, "grant CREATE, ALTER, INDEX, DROP, or run registry migrate up with a user that has them", "%s, and the user may not make them: it has no grant of CREATE", what)
	case !found.MayCreate:
		e.add(doctor.Warning, subject, "grant CREATE, ALTER, INDEX, DROP, or run registry migrate up with a user that has them", "%s, and no grant of CREATE is to be seen (a role may hide one)", what)
	default:
		e.add(doctor.Note, subject, "", "%s; the registry brings them up to date at its start", what)
	}
}

func (e *examination) rights(found *store.Inspection) {
	if len(found.Denied) > 0 {
		e.add(doctor.Problem, "rights", "grant them; docs/deploying.md has the statements", "the user may not %s", strings.Join(found.Denied, ", "))
		return
	}
	e.add(doctor.OK, "rights", "", "the user may read and write what the registry reads and writes")
}

// clock compares clocks. Leases do not depend on it (R16, R18); people who read
// histories do.
func (e *examination) clock(ctx context.Context, opened *store.Store) {
	before := time.Now()
	clock, _, err := opened.Clock(ctx)
	if err != nil {
		e.add(doctor.Problem, "clock", remedy(err), "%v", err)
		return
	}
	took := time.Since(before)
	ahead := clock - time.Duration(before.Add(took/2).UnixMicro())*time.Microsecond
	switch {
	case ahead.Abs() > clockTolerance+took:
		e.add(doctor.Warning, "clock", "let both follow NTP; expiry does not depend on it, but times in events and logs do not fit together",
			"the database's clock is %s off from this machine's", ahead.Round(time.Second))
	default:
		e.add(doctor.OK, "clock", "", "the database's differs by %s; it answers in %s", ahead.Round(time.Millisecond), took.Round(100*time.Microsecond))
	}
}

// registries tells which others are on this database: ours, and C++ ones, which
// serve the same ports.
func (e *examination) registries(ctx context.Context, opened *store.Store, found *store.Inspection) {
	const subject = "other registries"
	if slices.Contains(found.Missing, "t_registry_info") {
		e.add(doctor.OK, subject, "", "none: t_registry_info is not there")
		return
	}
	entries, err := opened.Registries(ctx)
	if err != nil {
		e.add(doctor.Problem, subject, remedy(err), "%v", err)
		return
	}
	ours, others := byKind(entries)
	if len(ours)+len(others) == 0 {
		e.add(doctor.OK, subject, "", "none is active in t_registry_info")
	}
	if len(ours) > 0 {
		e.add(doctor.OK, subject, "", "of this program, active: %s", strings.Join(ours, ", "))
	}
	if len(others) > 0 {
		e.add(doctor.Note, subject, "on one machine with it start this one with --query-port off --node-port off; see docs/migrating.md",
			"a C++ registry (or another program's) is active: %s; both may run side by side", strings.Join(others, ", "))
	}
}

// byKind gives the locators of active registries, each once.
func byKind(entries []naming.RegistryEntry) (ours, others []string) {
	seen := map[string]bool{}
	for _, entry := range entries {
		if entry.PresentState != naming.Active || seen[entry.Locator] {
			continue
		}
		seen[entry.Locator] = true
		if strings.HasPrefix(entry.Version, replicas.VersionPrefix) {
			ours = append(ours, entry.Locator)
			continue
		}
		others = append(others, entry.Locator)
	}
	return ours, others
}
