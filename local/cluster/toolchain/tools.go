//go:build tools

// Package toolchain pins the programs that are built as their authors ship them.
package toolchain

import _ "go.etcd.io/etcd/server/v3"
