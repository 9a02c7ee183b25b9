package app

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const protectedVariable = "BELLWETHER_PROTECT_TEST"

// Root may read everything, so this is tried as nobody: the test binary runs once more, protects itself and starts a child.
func TestAChildCannotReadOurEnvironment(t *testing.T) {
	if os.Getenv(protectedVariable) != "" {
		readByAChild(t)
		return
	}
	binary := filepath.Join(t.TempDir(), "bellwether.test")
	for _, dir := range []string{filepath.Dir(binary), filepath.Dir(filepath.Dir(binary))} {
		require.NoError(t, os.Chmod(dir, 0o755))
	}
	program, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(binary, program, 0o755))
	again := exec.Command(binary, "-test.run=^"+t.Name()+"$", "-test.v")
	again.Dir, again.Env = "/", []string{protectedVariable + "=hunter2", "PATH=" + os.Getenv("PATH")}
	if os.Getuid() == 0 {
		again.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	output, err := again.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "--- PASS")
}

func readByAChild(t *testing.T) {
	runtime.LockOSThread() // Pdeathsig is about this thread
	defer runtime.UnlockOSThread()
	read := func() ([]byte, error) {
		return exec.Command("cat", fmt.Sprintf("/proc/%d/environ", os.Getpid())).CombinedOutput()
	}
	before, err := read()
	require.NoError(t, err, "it could before")
	require.Contains(t, string(before), "hunter2")
	require.NoError(t, protect())
	after, err := read()
	require.Error(t, err)
	require.NotContains(t, string(after), "hunter2")
	require.Contains(t, string(after), "Permission denied")

	require.NoError(t, pprof.StartCPUProfile(io.Discard), "profiles work")
	pprof.StopCPUProfile()
	child, err := exec.Command("cat", "/proc/self/environ").Output()
	require.NoError(t, err, "a child's own environment is seen")
	require.Contains(t, string(child), "hunter2", "a sweep can find it")
	deaf := exec.Command("sh", "-c", "echo ready; read -r never")
	deaf.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	_, err = deaf.StdinPipe()
	require.NoError(t, err)
	said, err := deaf.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, deaf.Start())
	_, err = io.ReadFull(said, make([]byte, len("ready\n"))) // right after Start the kernel may still be laying its environment out
	require.NoError(t, err)
	other, err := exec.Command("cat", fmt.Sprintf("/proc/%d/environ", deaf.Process.Pid)).Output()
	require.NoError(t, err)
	require.Contains(t, string(other), "hunter2", "a sweep can find it")
	require.NoError(t, syscall.Kill(-deaf.Process.Pid, syscall.SIGKILL))
	require.Error(t, deaf.Wait())
}
