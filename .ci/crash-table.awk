# The figures of the crash tests (tests/crash/figures.rs) as one table. `least` is how many trials a row must have.
# Fails if anything was lost, a row is missing, has too few trials, acknowledged nothing, or has trials whose end nobody saw.
BEGIN {
    # Every choice of four parts that is neither none nor all: there are no more.
    minimum["log:parts-set-back"] = 14
    rows = "log:kill-9 log:power-cut log:failed-write log:flipped-bit log:cut-file log:parts-set-back"
    rows = rows " records:kill-9 records:power-cut records:flipped-bit records:cut-file period:kill-9"
    columns = split("trials acknowledged lost reported refused recovered unreadable named harmless", column, " ")
    printf "%-22s", "what was done"
    for (c = 1; c <= columns; c++) printf " %12s", column[c]
    print ""
}
$1 == "crash-figure" {
    delete row
    for (f = 2; f <= NF; f++) {
        at = index($f, "=")
        row[substr($f, 1, at - 1)] = substr($f, at + 1)
    }
    name = row["name"]
    seen[name]++
    printf "%-22s", name
    for (c = 1; c <= columns; c++) {
        value = row[column[c]]
        if (value !~ /^[0-9]+$/) wrong[++bad] = name ": no number of " column[c]
        sum[column[c]] += value
        printf " %12s", value
    }
    print ""
    needed = name in minimum ? minimum[name] : least
    if (row["trials"] + 0 < needed + 0) wrong[++bad] = name ": " row["trials"] " trials, " needed " are needed"
    if (row["acknowledged"] + 0 < 1) wrong[++bad] = name ": nothing was acknowledged, so nothing was tried"
    if (row["lost"] + 0 == 0 && row["trials"] + 0 != row["refused"] + row["recovered"] + row["unreadable"] + row["named"] + row["harmless"])
        wrong[++bad] = name ": trials whose end nobody saw"
}
END {
    wanted = split(rows, want, " ")
    for (w = 1; w <= wanted; w++) if (seen[want[w]] != 1) wrong[++bad] = want[w] ": " seen[want[w]] + 0 " lines of it, 1 is needed"
    printf "%-22s", "all"
    for (c = 1; c <= columns; c++) printf " %12d", sum[column[c]]
    print ""
    for (b = 1; b <= bad; b++) print "not whole: " wrong[b]
    printf "lost or changed without being said: %d of %d\n", sum["lost"], sum["acknowledged"]
    exit sum["lost"] > 0 || bad > 0
}
