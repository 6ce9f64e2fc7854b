package registry

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/tarsregistry/tarsregistry/registry/routing/picturefile"
)

// PictureFile is the name of the picture within Options.DataDir.
const PictureFile = "picture.bin"

// pictureInterval is how often a changed picture is written to disk. A large one is
// written less often: that takes a pictureShare of the time at most, but for
// maxPictureInterval.
const (
	pictureInterval    = 10 * time.Second
	maxPictureInterval = time.Minute
	pictureShare       = 50 // one in
)

func (r *Registry) picturePath() string { return filepath.Join(r.options.DataDir, PictureFile) }

// loadPicture takes the picture on disk, however old; false where there is none
// that can be used (R26).
func (r *Registry) loadPicture() bool {
	file, err := picturefile.Read(r.picturePath())
	if errors.Is(err, fs.ErrNotExist) {
		r.logger.Warn("the database is not available, and there is no picture on disk to serve meanwhile")
		return false
	}
	if err != nil {
		r.logger.Error("the picture on disk cannot be used", slog.Any("error", err))
		return false
	}
	r.roster.Replace(file.Contents.Instances)
	r.table.Replace(file.Contents)
	r.logger.Warn("the database is not available; serving the picture on disk",
		slog.Int("instances", len(file.Contents.Instances)), slog.Duration("age", time.Since(file.Taken).Round(time.Second)))
	r.mu.Lock()
	r.pictureTaken = file.Taken
	r.mu.Unlock()
	return true
}

// keepPicture writes the picture to disk whenever it has changed.
func (r *Registry) keepPicture(ctx context.Context) {
	ticker := time.NewTicker(pictureInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			started := time.Now()
			r.savePicture()
			ticker.Reset(min(max(pictureInterval, pictureShare*time.Since(started)), maxPictureInterval))
		}
	}
}

// savePicture writes the picture unless it is on disk already, or came from
// there. A picture that could not be written is tried again with the next change.
func (r *Registry) savePicture() {
	picture := r.table.Picture()
	if picture == nil {
		return
	}
	r.mu.Lock()
	fresh := r.keeper != nil && r.pictureSaved != picture.Version() // with a keeper the tables were read
	if fresh {
		r.pictureSaved = picture.Version()
	}
	r.mu.Unlock()
	if !fresh {
		return
	}
	contents, ok := r.table.Contents()
	if !ok {
		return
	}
	err := picturefile.Write(r.picturePath(), &picturefile.File{Taken: time.Now(), Contents: contents})
	if err != nil {
		r.logger.Warn("cannot write the picture to disk", slog.Any("error", err))
	}
}
