module ww.example/go

go 1.24
