//go:build unix

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tarsregistry/tarsregistry/internal/collector"
	"github.com/tarsregistry/tarsregistry/internal/naming"
	"github.com/tarsregistry/tarsregistry/registry"
	"github.com/tarsregistry/tarsregistry/registry/follow"
	"github.com/tarsregistry/tarsregistry/registry/roster"
	"github.com/tarsregistry/tarsregistry/registry/routing"
	"github.com/tarsregistry/tarsregistry/registry/routing/picturefile"
	"github.com/tarsregistry/tarsregistry/registry/transition"
	"github.com/tarsregistry/tarsregistry/store"
)

// adapters is how large the installation is of which pictures are loaded: each on
// an instance with a lease of its own, which is the most there is to read.
const adapters = 100_000

// settleTime lets pass what follows a start: rows that were written just before are
// read again, instances that lost rows are looked for, and the picture is written
// to disk.
const settleTime = 15 * time.Second

// BenchmarkPicture: from the start of a registry to its first full picture, and
// what it keeps in memory and does once it has come to rest.
func BenchmarkPicture(b *testing.B) {
	dsn := startMariaDB(b).Database(b)
	dir := b.TempDir()
	fill(b, dsn)
	writePicture(b, dsn, filepath.Join(dir, registry.PictureFile))
	var fromDatabase, fromDisk, cpu []float64
	var memory, diskMemory, idleUse float64
	for range rounds(b) {
		process, told := startRegistry(b, dsn, b.TempDir())
		fromDatabase = append(fromDatabase, told.Took.Seconds())
		cpu = append(cpu, usage(b, process).CPU.Seconds())
		time.Sleep(settleTime)
		memory = max(memory, resident(b, process))
		if idleUse == 0 {
			profiled := told.profile(b, "picture idle", idleTime)
			idleUse = idle(b, process)
			profiled()
		}
		disk := start(b, "picture", variableDataDir+"="+dir)
		var loaded ready
		if err := json.Unmarshal([]byte(disk.Address), &loaded); err != nil {
			b.Fatal(err)
		}
		fromDisk = append(fromDisk, loaded.Took.Seconds())
		diskMemory = max(diskMemory, resident(b, disk))
	}
	table := results.section(fmt.Sprintf("First full picture: %d adapters, each on an instance of its own", adapters), "from", "time", "resident memory")
	table.row("MariaDB, tables prepared and servants listening", seconds(median(fromDatabase)), megabytes(int64(memory)))
	table.row("the picture on disk", seconds(median(fromDisk)), megabytes(int64(diskMemory)))
	table.note("Processor time of a start from MariaDB: %s. Idle, the registry with this picture uses %.0f ms of processor time a second.", seconds(median(cpu)), idleUse)
	b.ReportMetric(median(fromDatabase)*1000, "ms/mariadb")
	b.ReportMetric(median(fromDisk)*1000, "ms/disk")
	b.ReportMetric(memory/(1<<20), "MB")
}

// fill registers the instances as the registry does, without the calls.
func fill(b *testing.B, dsn string) {
	b.Helper()
	s := open(b, dsn)
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	rules := transition.Rules{LeaseTTL: time.Hour}
	list := fleet("Many", adapters/10, 10, 1)
	const batch = 500
	for len(list) > 0 {
		part := list[:min(batch, len(list))]
		list = list[len(part):]
		if err := registerAll(b.Context(), s, rules, part); err != nil {
			b.Fatal(err)
		}
	}
}

func registerAll(ctx context.Context, s *store.Store, rules transition.Rules, part []instance) error {
	keys := make([]naming.Key, len(part))
	for i, instance := range part {
		keys[i] = naming.Key{Application: application, Server: instance.server, Node: instance.node}
	}
	_, err := s.Update(ctx, store.Scope{Keys: keys}, func(tx *store.Tx) error {
		for i, instance := range part {
			registration := &naming.Registration{
				Key: keys[i], State: naming.Active, Version: "1.0.3", TemplateName: "tars.default", ServerType: "tars_go",
				Adapters: []naming.Adapter{{
					Servant: instance.object(), Endpoint: instance.endpoint(), Protocol: "tars",
					MaxConnections: 100000, ThreadNum: 5, QueueCap: 50000, QueueTimeout: 20000,
				}},
			}
			if err := registration.Normalize(); err != nil {
				return err
			}
			caller := transition.Caller{Identity: naming.Identity{UID: instance.uid, Kind: naming.KindPod}, Interval: 20 * time.Second}
			if _, err := rules.Register(tx, registration, caller, nil); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func open(b *testing.B, dsn string) *store.Store {
	b.Helper()
	s, err := store.Open(store.Config{DSN: dsn, Replica: "bench", Tombstone: 150 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// writePicture writes the picture on disk as a registry on the database does.
func writePicture(b *testing.B, dsn, path string) {
	b.Helper()
	table := routing.NewTable(routing.Options{Tombstone: 150 * time.Second})
	contents, err := follow.New(open(b, dsn), roster.New(), table, follow.Options{Replica: "bench"}).Load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if err := picturefile.Write(path, &picturefile.File{Taken: time.Now(), Contents: contents}); err != nil {
		b.Fatal(err)
	}
}

// kept is what servePicture holds on to while its memory is looked at.
type kept struct {
	table *routing.Table
	known *roster.Roster
}

// servePicture does with the picture on disk what a registry does that cannot
// reach its database, without the seconds for which that waits for it.
func servePicture() (string, error) {
	started, filled := time.Now(), make(chan struct{})
	go collector.Run(context.Background(), filled) // as the command does; until the process ends
	file, err := picturefile.Read(filepath.Join(os.Getenv(variableDataDir), registry.PictureFile))
	if err != nil {
		return "", err
	}
	held := kept{routing.NewTable(routing.Options{Tombstone: 150 * time.Second}), roster.New()}
	held.known.Replace(file.Contents.Instances)
	held.table.Replace(file.Contents)
	told := ready{Took: time.Since(started)}
	close(filled)
	go held.table.Run(context.Background()) // holds it until the process ends
	go func() { <-context.Background().Done(); held.known.Len() }()
	line, err := json.Marshal(told)
	return string(line), err
}
