package main

import (
	"io"
	"os"
	"sync"
)

// One log and the one before it: at most twice this a program.
const logBytes = 8 << 20

// boundedLog is a log file that starts anew when full; the full one is kept as NAME.1.
type boundedLog struct {
	mutex sync.Mutex
	path  string
	file  *os.File
	size  int64
}

func newLog(path string) *boundedLog {
	return &boundedLog{path: path}
}

func (l *boundedLog) line(text string) {
	l.write([]byte(text + "\n"))
}

// copy writes what a program prints until it, and all that inherited its output, are gone.
func (l *boundedLog) copy(reader *os.File) {
	defer reader.Close()
	buffer := make([]byte, 32<<10)
	for {
		count, err := reader.Read(buffer)
		l.write(buffer[:count])
		if err != nil {
			return
		}
	}
}

// write drops text that cannot be written: a full disk must not stop the cluster.
func (l *boundedLog) write(text []byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.file != nil && l.size+int64(len(text)) > logBytes {
		l.file.Close()
		l.file = nil
		if os.Rename(l.path, l.path+".1") != nil {
			return
		}
	}
	if l.file == nil {
		file, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return
		}
		l.file = file
		l.size, _ = file.Seek(0, io.SeekEnd)
	}
	count, _ := l.file.Write(text)
	l.size += int64(count)
}
