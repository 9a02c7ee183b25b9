// Package scratch keeps the folders in which checkout and terraform work to Bellwether's own user: what they find there
// runs, and what they leave there is secret. Everybody on the machine may be able to write beside such a folder.
package scratch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Folder makes the folder if it is missing, and the one that it is in. Its error says so when somebody else has made one of
// them, may look into the folder, or may put another one in its place.
func Folder(path string) error {
	parent := filepath.Dir(path)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	if err := private(parent, 0o002, 0, os.Getuid()); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return private(path, 0o077, os.Getuid())
}

// private refuses what is no folder, belongs to none of the users, or gives others one of these permissions. In a sticky
// folder, such as /tmp, they can make things, but not move ours.
func private(path string, forbidden fs.FileMode, users ...int) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	owner, mode := int(info.Sys().(*syscall.Stat_t).Uid), info.Mode()
	if mode&fs.ModeSticky != 0 {
		forbidden &^= 0o002
	}
	if mode.IsDir() && slices.Contains(users, owner) && mode.Perm()&forbidden == 0 {
		return nil
	}
	return fmt.Errorf("%s is not a folder of Bellwether's alone (%s, of user %d): find out who made it, delete it, or set TMPDIR to another place",
		path, mode, owner)
}

// Lock waits until the file, or the folder, is nobody else's. The system unlocks it when it is closed by all processes that
// have inherited it, or they are killed.
func Lock(ctx context.Context, file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond): // nobody tells when it is free
		}
	}
}
