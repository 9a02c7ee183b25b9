package terraform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bellwether/internal/scratch"
)

// marker is a variable in the environment of everything that is started for a folder: its path. Providers and provisioners
// inherit it, so that they are found when terraform is gone, even by another process.
const marker = "BELLWETHER_TERRAFORM_FOLDER"

// prefix begins the names of the folders: a sweep leaves everything else alone.
const prefix = "bellwether-plan-"

// folder is a private folder of a plan. It is locked as long as this process lives, so that Sweep leaves it alone.
type folder struct{ lock *os.File }

// open makes a folder in dir, named after this process and the stack.
func open(ctx context.Context, dir, stack string) (*folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	all, err := lockAll(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = all.Close() }()
	path, err := os.MkdirTemp(dir, fmt.Sprintf("%s%d-%s-*", prefix, os.Getpid(), stack)) // its mode is 0700
	if err != nil {
		return nil, err
	}
	lock, err := lock(ctx, path)
	if err != nil {
		return nil, err
	}
	return &folder{lock}, nil
}

// path is that of a file in the folder, absolute.
func (f *folder) path(name string) string { return filepath.Join(f.lock.Name(), name) }

func (f *folder) close() error {
	return errors.Join(os.RemoveAll(f.lock.Name()), f.lock.Close())
}

// Sweep ends what processes that were killed have left running, and deletes their plans and working copies.
func (a *Applier) Sweep() error { return a.sweep(context.Background()) }

func (a *Applier) sweep(ctx context.Context) error {
	all, err := lockAll(ctx, a.Dir)
	if err != nil {
		return fmt.Errorf("sweep the plans of processes that died: %w", err)
	}
	defer func() { _ = all.Close() }()
	entries, err := all.ReadDir(-1)
	for _, entry := range entries {
		if ctx.Err() == nil && strings.HasPrefix(entry.Name(), prefix) {
			err = errors.Join(err, sweep(filepath.Join(all.Name(), entry.Name())))
		}
	}
	return err
}

// sweep deletes a folder unless its process lives.
func sweep(path string) error {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	end(path)
	return os.RemoveAll(path)
}

// lockAll makes the folder of the folders, and keeps others from adding to it and from sweeping it until it is closed.
func lockAll(ctx context.Context, dir string) (*os.File, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := scratch.Folder(dir); err != nil {
		return nil, err
	}
	return lock(ctx, dir)
}

// lock opens and locks a folder. The system unlocks it when the file is closed, or the process is killed.
func lock(ctx context.Context, path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := scratch.Lock(ctx, file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return file, nil
}

// end kills everything that was started for the folder, and waits for a second at most until it is gone. It finds nothing
// where there is no /proc.
func end(path string) {
	for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		left := startedFor(path)
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // fails when it has gone by itself
		}
		if len(left) == 0 {
			return
		}
	}
}

// startedFor lists the processes whose environment names the folder.
func startedFor(path string) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well-formed
	for _, file := range files {
		environ, _ := os.ReadFile(file) // not readable: another user's, so not ours
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+marker+"="+path+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// rootModule finds the stack's folder in the working copy, which it must not lead out of.
func rootModule(source, dir string) (string, error) {
	root, err := os.OpenRoot(source)
	if err != nil {
		return "", machine(fmt.Errorf("open the working copy: %w", err))
	}
	defer func() { _ = root.Close() }()
	if dir == "" {
		dir = "."
	}
	if info, err := root.Stat(dir); err != nil || !info.IsDir() {
		return "", broken(fmt.Sprintf("the repository has no folder %s at this revision", dir), "look at apply.terraform.dir of the stack")
	}
	return filepath.Join(source, dir), nil
}

// keepsState refuses a configuration whose state would be deleted with the working copy: terraform would forget what it
// made, and make it again.
func keepsState(data string) error {
	var initialised struct {
		Backend struct {
			Type   string
			Config struct{ Path string }
		}
	}
	text, err := os.ReadFile(filepath.Join(data, "terraform.tfstate"))
	if err == nil {
		err = json.Unmarshal(text, &initialised)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return machine(fmt.Errorf("read which backend the stack has: %w", err))
	}
	backend := initialised.Backend
	if backend.Type == "" || backend.Type == "local" && !filepath.IsAbs(backend.Config.Path) {
		return broken("the stack keeps its state in its working copy, which Bellwether deletes", "give the configuration a backend")
	}
	return nil
}
