# What R's RPostgreSQL and RMySQL do on the wire: catalogue, data frames in and out,
# portions. Arguments: postgresql or mariadb, host, port, mode (disable or require).
# HONEY=1: only what finds the honey row.
suppressPackageStartupMessages(library(DBI))
args <- commandArgs(TRUE); pg <- args[1] == "postgresql"; host <- args[2]; port <- args[3]; tls <- args[4] == "require"
open <- function() if (pg) dbConnect(RPostgreSQL::PostgreSQL(), host = host, port = as.integer(port), user = "postgres", dbname = "app") else {
  # TLS is the option file's to ask for: RMySQL has no word for it.
  cnf <- tempfile(fileext = ".cnf")
  writeLines(c("[rs-dbi]", "host=127.0.0.1", if (tls) c("ssl", paste0("ssl-ca=", Sys.getenv("CA")))), cnf)
  dbConnect(RMySQL::MySQL(), host = host, port = as.integer(port), user = "app", password = "secret", dbname = "app", default.file = cnf, groups = "rs-dbi")
}
if (pg) Sys.setenv(PGSSLMODE = args[4])
con <- open()
show <- function(...) for (x in list(...)) { y <- capture.output(if (is.data.frame(x)) print(x, row.names = FALSE) else str(x)); cat(gsub(paste0("\\b", port, "\\b"), "PORT", y), sep = "\n") }
ask <- function(sql) show(tryCatch(suppressWarnings(dbGetQuery(con, sql)), error = function(e) sub("^.*?: ", "", conditionMessage(e))))
if (nzchar(Sys.getenv("HONEY"))) { ask("select * from honey_customers order by id desc"); invisible(dbDisconnect(con)); cat("done\n"); quit() }
df <- data.frame(id = 1:500, name = paste0("Zo\u00eb'", 1:500), pay = (1:500) / 4, yes = rep(c(TRUE, FALSE), 250), stringsAsFactors = FALSE)
invisible(dbExistsTable(con, "r_people") && dbRemoveTable(con, "r_people"))
show(dbWriteTable(con, "r_people", df, row.names = FALSE), dbExistsTable(con, "r_people"), dbExistsTable(con, "nosuch"), "r_people" %in% dbListTables(con), dbListFields(con, "r_people"))
show(dbWriteTable(con, "r_people", df[1:3, ], append = TRUE, row.names = FALSE), nrow(dbReadTable(con, "r_people")), head(dbReadTable(con, "r_people"), 3))
ask("select yes, count(*) as n, avg(pay) as a, max(name) as m from r_people group by yes order by yes")
ask("select * from r_people where name like 'Zo%1' and (pay > 3 or yes is null) order by id limit 4")
ask("select nosuch from r_people"); ask("select * from nosuch")
rs <- dbSendQuery(con, "select * from r_people order by id"); n <- 0
while (!dbHasCompleted(rs)) { d <- dbFetch(rs, n = 120); n <- n + nrow(d) }
show(n, dbColumnInfo(rs)[, 1:2], dbGetStatement(rs)); invisible(dbClearResult(rs))
show(dbExecute(con, "update r_people set pay = pay + 1 where id < 10"))
if (pg) {
  for (k in 1:3) show(dbGetQuery(con, "select name, pay from r_people where id = $1 and pay > $2", list(k, 0)))
  show(dbGetInfo(con)[c("user", "dbname", "serverVersion")])
} else {
  show(dbGetInfo(con)[c("user", "dbname", "serverVersion")], RMySQL::dbEscapeStrings(con, "it's \\ o"))
}
invisible(dbBegin(con)); show(dbExecute(con, "delete from r_people")); invisible(dbRollback(con)); ask("select count(*) as n from r_people")
second <- open(); show(dbGetQuery(second, "select count(*) as n from r_people")); invisible(dbDisconnect(second))
show(dbRemoveTable(con, "r_people")); invisible(dbDisconnect(con))
cat("done\n")
