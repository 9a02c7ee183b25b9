package scratch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFolderIsBellwethersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	require.NoError(t, Folder(path))
	require.NoError(t, Folder(path), "once more")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestAFolderOfSomebodyElseIsRefused(t *testing.T) {
	tests := map[string]func(t *testing.T, path string) error{
		"others may write": func(_ *testing.T, path string) error {
			return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o777))
		},
		"others may look": func(_ *testing.T, path string) error {
			return errors.Join(os.Mkdir(path, 0o700), os.Chmod(path, 0o750))
		},
		"a link to one of ours": func(t *testing.T, path string) error {
			ours := filepath.Join(t.TempDir(), "ours")
			return errors.Join(os.Mkdir(ours, 0o700), os.Symlink(ours, path))
		},
		"a link to nothing": func(_ *testing.T, path string) error { return os.Symlink("nothing", path) },
		"a file":            func(_ *testing.T, path string) error { return os.WriteFile(path, nil, 0o600) },
		"another user's": func(t *testing.T, path string) error {
			if os.Getuid() != 0 {
				t.Skip("only root can give a folder away")
			}
			return errors.Join(os.Mkdir(path, 0o700), os.Chown(path, 65534, 65534))
		},
	}
	for name, plant := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "planted")
			require.NoError(t, plant(t, path))
			require.ErrorContains(t, Folder(path), path+" is not a folder of Bellwether's alone")
			if name != "others may look" && name != "a file" {
				require.ErrorContains(t, Folder(filepath.Join(path, "plans")), path)
			}
		})
	}
}

func TestAFolderMayBeInOneThatAllShare(t *testing.T) {
	shared := t.TempDir()
	require.NoError(t, os.Chmod(shared, 0o777|os.ModeSticky))
	require.NoError(t, Folder(filepath.Join(shared, "plans")))
}

func TestALockIsWaitedForNoLongerThanAsked(t *testing.T) {
	path := t.TempDir()
	var files [2]*os.File
	for i := range files {
		file, err := os.Open(path)
		require.NoError(t, err)
		defer func() { _ = file.Close() }()
		files[i] = file
	}
	require.NoError(t, Lock(t.Context(), files[0]))
	cause := errors.New("the lane is lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(cause) })
	require.ErrorIs(t, Lock(ctx, files[1]), cause)

	require.NoError(t, files[0].Close())
	require.NoError(t, Lock(t.Context(), files[1]), "it is free again")
}
