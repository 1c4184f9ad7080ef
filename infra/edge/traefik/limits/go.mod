module ballast.dev/limits

go 1.22
