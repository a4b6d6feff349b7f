package route

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libnim/libnim/internal/abi"
	"github.com/libnim/libnim/internal/nimerr"
)

func TestServerConfFile(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, text := range []string{
		`{"link":"a.example:1"}`, `{"private_server_setting":{"link":"a.example:1"}}`,
		"\ufeff" + `{"link":"a.example:1"}`, // as editors on Windows write it
	} {
		o := abi.InitOptions{ServerConfFilePath: file("good", text)}
		if err := LoadServerConf(&o); err != nil || !slices.Equal(o.PrivateServerSetting.Link, []string{"a.example:1"}) {
			t.Errorf("%s: got %+v, %v", text, o.PrivateServerSetting, err)
		}
	}
	own := abi.InitOptions{ServerConfFilePath: filepath.Join(dir, "none")}
	own.PrivateServerSetting.Link = []string{"own"}
	if err := LoadServerConf(&own); err != nil {
		t.Errorf("a file that is not needed is read: %v", err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"):                  "no such file",
		file("long", strings.Repeat(" ", 1+64<<10)): "want at most 65536 bytes",
		file("broken", `{"link":`):                  "server_conf_file_path: ",
		file("wrong", `{"link":5}`):                 "link",
	} {
		o := abi.InitOptions{ServerConfFilePath: path}
		err := LoadServerConf(&o)
		if err == nil || !strings.Contains(err.Detail, want) || !strings.HasPrefix(err.Detail, "server_conf_file_path: ") {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

// A program that names no server has it in a file beside itself.
func TestServerConfBesideTheProgram(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, serverConfName)
	load := func(text string) ([]string, *nimerr.Error) {
		o := settings(t, text)
		err := LoadServerConf(o, t.TempDir(), dir)
		return o.PrivateServerSetting.Link, err
	}
	if got, err := load(`{}`); len(got) != 0 || err != nil {
		t.Errorf("without the file: got %q, %v", got, err)
	}
	if err := os.WriteFile(path, []byte(`{"link":"file.example:1","lbs":""}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := load(`{"app_key":"k"}`); !slices.Equal(got, []string{"file.example:1"}) || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := load(`{"private_server_setting":{"link":"own.example:1"}}`); !slices.Equal(got, []string{"own.example:1"}) || err != nil {
		t.Errorf("settings that name a server: got %q, %v", got, err)
	}
	if err := os.WriteFile(path, []byte(`link=file.example`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(`{}`); err == nil || !strings.HasPrefix(err.Detail, path+": ") {
		t.Errorf("a broken file: got %v, want its name", err)
	}
}

// Under Mono the program is what the runtime was given to run.
func TestServerConfBesideAManagedProgram(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"/opt/app/program"}, nil},
		{[]string{"/usr/bin/mono", "--debug", "/opt/app/Chat.exe", "x.dll"}, []string{"/opt/app"}},
		{[]string{"dotnet", "exec", "/opt/app/chat.DLL"}, []string{"/opt/app"}},
		{nil, nil},
	} {
		if got := managedDirs(c.args); !slices.Equal(got, c.want) && os.PathSeparator == '/' {
			t.Errorf("%q: got %q, want %q", c.args, got, c.want)
		}
	}
}
