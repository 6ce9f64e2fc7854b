package naming

import "testing"

func TestFolderFoldsAsKeysDo(t *testing.T) {
	var folder Folder
	for _, key := range []Key{
		{}, {"App", "Server", "10.0.0.1 "}, {"App", "Server", "10.0.0.2"}, {"App", "Other", "10.0.0.2"},
		{"app", "Other", "10.0.0.2"}, {"app", "Server", ""}, {"", "SERVER", ""}, {"", "", "Node"}, {},
	} {
		if got := folder.Fold(key); got != key.Fold() {
			t.Errorf("%v becomes %v, want %v", key, got, key.Fold())
		}
	}
}
