LATEST = "select 1"
