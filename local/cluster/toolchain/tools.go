//go:build tools

// Package toolchain pins the programs that are built as their authors ship them.
package toolchain

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
