using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd;

/// <summary>`lap gate` by two people with two clones of one repository.</summary>
public sealed class GateTests
{
    private const string Sheet = "items:\n  - id: tests\n    text: The tests pass.\n    check: ./check.sh\n    inputs: [src, check.sh]\n    evidence: [out/report.txt]\n";

    private const string Check = "#!/bin/sh\nset -e\nmkdir -p out\ntest -z \"$LEAK\"\ngrep -c code src/code.txt > out/report.txt\necho all good\n";

    /// <summary>Ann's repository: a check, what it checks, and an ignored folder.</summary>
    private static async Task<LapWorkspace> AnnAsync(string sheet = Sheet, string check = Check)
    {
        var ann = await LapWorkspace.EmptyAsync();
        await ann.GitAsync("init", "-q");
        await NameAsync(ann, "Ann");
        ann.Write("gates.yaml", sheet);
        ann.Write("check.sh", check);
        File.SetUnixFileMode(ann.At("check.sh"), (UnixFileMode)0b111_101_101);
        ann.Write("src/code.txt", "code\n");
        ann.Write("notes.txt", "notes\n");
        ann.Write(".gitignore", "out/\nlocal/\n.laptime/\n");
        await CommitAsync(ann);
        return ann;
    }

    private static async Task NameAsync(LapWorkspace workspace, string name)
    {
        await workspace.RunAsync("git", "config", "user.name", name);
        await workspace.RunAsync("git", "config", "user.email", name.ToLowerInvariant() + "@example.org");
        await workspace.RunAsync("git", "config", "commit.gpgsign", "false");
    }

    private static async Task CommitAsync(LapWorkspace workspace, string message = "change")
    {
        await workspace.RunAsync("git", "add", "-A");
        await workspace.RunAsync("git", "commit", "-q", "-m", message);
    }

    /// <summary>A clone of it, of somebody else; its temporary files lie beside it, where they are seen.</summary>
    private static async Task<LapWorkspace> CloneAsync(LapWorkspace of, string name = "Ben")
    {
        var clone = await LapWorkspace.EmptyAsync();
        await clone.GitAsync("clone", "-q", of.Root, ".");
        await NameAsync(clone, name);
        clone.Environment["TMPDIR"] = Directory.CreateDirectory(Path.Combine(clone.Beside, "tmp")).FullName;
        return clone;
    }

    private static void NothingIsLeft(LapWorkspace workspace)
    {
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(workspace.Beside, "tmp"), "lap-gate-*"));
        Assert.Empty(workspace.Leftovers());
    }

    private static async Task<JsonObject> ActAsync(LapWorkspace workspace, int exitCode, params string[] arguments)
    {
        var document = await workspace.JsonAsync(exitCode, ["gate", .. arguments]);
        Assert.Null(Schema("gate.v1.json").Refusal(document));
        return document;
    }

    private static async Task<JsonObject> ItemAsync(LapWorkspace workspace, string id = "tests")
    {
        var document = await workspace.JsonAsync(0, "gate", "status");
        Assert.Null(Schema("gate-status.v1.json").Refusal(document));
        return document["items"]!.AsArray().Select(i => i!.AsObject()).Single(i => i.Text("id") == id);
    }

    private static SmallJsonSchema Schema(string name) => new(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", name)))!);

    private static string Failure(JsonObject document) => document["failure"]!.AsObject().Text("message");

    [Fact]
    public async Task Claimed_by_Ann_her_own_verification_is_refused_and_that_of_Ben_from_a_fresh_clone_passes()
    {
        await using var ann = await AnnAsync();
        Assert.Equal("unclaimed", (await ItemAsync(ann)).Text("status"));
        var claimed = await ActAsync(ann, 0, "claim", "tests");
        Assert.Equal("out/report.txt", claimed["evidence"]![0]!["path"]!.GetValue<string>());
        Assert.Contains("you claimed it yourself: git calls both Ann <ann@example.org>", Failure(await ann.JsonAsync(24, "gate", "verify", "tests")), StringComparison.Ordinal);
        // The records make nothing unclean, committed or not.
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        Assert.Equal("claimed", (await ItemAsync(ann)).Text("status"));

        await using var ben = await CloneAsync(ann);
        // Ben's variables are not in the room.
        ben.Environment["LEAK"] = "leaked";
        var verified = await ActAsync(ben, 0, "verify", "tests");
        Assert.Equal(("pass", "Ben"), (verified.Text("verdict"), verified["by"]!.AsObject().Text("name")));
        Assert.DoesNotContain(Path.GetDirectoryName(ben.Root)!, verified["environment"]!.ToJsonString(), StringComparison.Ordinal);
        NothingIsLeft(ben);
        Assert.Equal(("pass", "verified by Ben"), ((await ItemAsync(ben)).Text("status"), (await ItemAsync(ben)).Text("why")));
        var human = (await ben.LapAsync("gate", "status")).Exits(0).Out;
        Assert.Contains("PASS", human, StringComparison.Ordinal);
        Assert.Contains("done: all 1 items pass", human, StringComparison.Ordinal);
        (await ben.LapAsync("gate", "status", "--require-pass")).Exits(0);
    }

    [Fact]
    public async Task With_an_ignored_helper_file_that_made_it_green_the_verification_fails_and_names_it()
    {
        await using var ann = await AnnAsync(check: "#!/bin/sh\nset -e\nmkdir -p out\n. ./local/helper.sh\ngrep -c \"$WORD\" src/code.txt > out/report.txt\n");
        ann.Write("local/helper.sh", "WORD=code\n");
        ann.Write("local/other.txt", "nothing\n");
        Assert.Contains("local/helper.sh", (await ann.LapAsync("gate", "claim", "tests")).Exits(0).Out, StringComparison.Ordinal);
        await CommitAsync(ann, "records");
        await using var ben = await CloneAsync(ann);
        var failed = await ActAsync(ben, 24, "verify", "tests");
        Assert.Equal("fail", failed.Text("verdict"));
        Assert.Contains("in the claim it ended with exit code 0", failed.Text("difference"), StringComparison.Ordinal);
        Assert.Equal("local/helper.sh", failed["suspects"]!.AsArray().Single()!["path"]!.GetValue<string>());
        Assert.Equal("fail", (await ItemAsync(ben)).Text("status"));
        Assert.EndsWith("only the claimer had local/helper.sh", (await ItemAsync(ben)).Text("why"), StringComparison.Ordinal);
        (await ben.LapAsync("gate", "status", "--require-pass")).Exits(24);
        var human = (await ben.LapAsync("gate", "verify", "tests")).Exits(24).Out;
        Assert.Contains("local/helper.sh: it was in Ann's folder and is not in the commit", human, StringComparison.Ordinal);
        NothingIsLeft(ben);
    }

    [Fact]
    public async Task A_helper_that_fails_silently_is_found_in_the_script_that_asks_for_it_and_left_over_evidence_is_found_missing()
    {
        await using var ann = await AnnAsync(check: "#!/bin/sh\n[ -f local/answer ] && echo 1 > out/report.txt\n");
        ann.Write("local/answer", "yes");
        Directory.CreateDirectory(ann.At("out"));
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        await using var ben = await CloneAsync(ann);
        var silent = await ActAsync(ben, 24, "verify", "tests");
        Assert.Equal(("local/answer", "check.sh names it"), (silent["suspects"]![0]!["path"]!.GetValue<string>(), silent["suspects"]![0]!["because"]!.GetValue<string>()));

        ann.Write("check.sh", "#!/bin/sh\ntrue\n");
        await CommitAsync(ann);
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        await ben.GitAsync("pull", "-q", "--no-edit", "--no-rebase", "origin", "main");
        var missing = await ActAsync(ben, 24, "verify", "tests");
        Assert.Equal("out/report.txt is not there: the check did not leave it", missing.Text("difference"));
        Assert.Equal("out/report.txt", missing["suspects"]![0]!["path"]!.GetValue<string>());
    }

    [Fact]
    public async Task Only_a_clean_commit_with_a_passing_check_is_claimed()
    {
        await using var ann = await AnnAsync();
        ann.Write("src/code.txt", "other\n");
        ann.Write("new file.txt", "new\n");
        var refused = Failure(await ann.JsonAsync(24, "gate", "claim", "tests"));
        Assert.Contains("new file.txt", refused, StringComparison.Ordinal);
        Assert.Contains("src/code.txt", refused, StringComparison.Ordinal);
        File.Delete(ann.At("new file.txt"));
        await ann.RunAsync("git", "update-index", "--assume-unchanged", "src/code.txt");
        Assert.Contains("git was told not to look at src/code.txt", Failure(await ann.JsonAsync(24, "gate", "claim", "tests")), StringComparison.Ordinal);
        await ann.RunAsync("git", "update-index", "--no-assume-unchanged", "src/code.txt");

        await CommitAsync(ann);
        var failing = await ann.JsonAsync(24, "gate", "claim", "tests");
        Assert.Equal("gate-failed", failing.Text("outcome"));
        Assert.Contains("its check fails: `./check.sh`: exit code 1", Failure(failing), StringComparison.Ordinal);
        ann.Write("check.sh", "#!/bin/sh\nset -e\nmkdir -p out && touch out/report.txt\necho more >> notes.txt\n");
        await CommitAsync(ann);
        Assert.Contains("files of the commit changed while the check ran: notes.txt", Failure(await ann.JsonAsync(24, "gate", "claim", "tests")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(ann.At("gates/tests")));
        Assert.Contains("did you mean `tests`?", (await ann.LapAsync("gate", "claim", "test")).Exits(2).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_commit_that_touches_the_inputs_makes_it_stale_by_name_and_others_do_not()
    {
        await using var ann = await AnnAsync();
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        await using var ben = await CloneAsync(ann);
        await ActAsync(ben, 0, "verify", "tests");
        await CommitAsync(ben, "verdict");
        ben.Write("notes.txt", "other notes\n");
        ben.Edit("gates.yaml", "items:", "items:\n  - { id: other, text: Another., check: \"true\" }");
        await CommitAsync(ben, "other things");
        Assert.Equal("pass", (await ItemAsync(ben)).Text("status"));

        ben.Write("src/code.txt", "code, and more\n");
        await CommitAsync(ben, "more code");
        var stale = await ItemAsync(ben);
        Assert.Equal(("stale", "src/code.txt", "more code"), (stale.Text("status"), stale["stale"]!.AsObject().Text("what"), stale["stale"]!.AsObject().Text("subject")));
        Assert.Equal((await ben.RunAsync("git", "rev-parse", "HEAD")).Trim(), stale["stale"]!.AsObject().Text("commit"));

        // Undone, it is what was verified; asked for something else, it is not.
        await ben.GitAsync("revert", "--no-edit", "HEAD");
        Assert.Equal("pass", (await ItemAsync(ben)).Text("status"));
        ben.Edit("gates.yaml", "The tests pass.", "All tests pass.");
        await CommitAsync(ben, "asks for more");
        Assert.Equal(("stale", "what gates.yaml asks for"), ((await ItemAsync(ben)).Text("status"), (await ItemAsync(ben))["stale"]!.AsObject().Text("what")));
    }

    [Fact]
    public async Task A_veto_stands_against_every_pass_until_somebody_who_may_lifts_it()
    {
        await using var ann = await AnnAsync();
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        await using var ben = await CloneAsync(ann);
        (await ben.LapAsync("gate", "veto", "tests")).Exits(2);
        await ActAsync(ben, 0, "veto", "tests", "--reason", "it tests nothing");
        await ActAsync(ben, 0, "verify", "tests");
        Assert.Equal(("veto", "Ben stands against it: it tests nothing"), ((await ItemAsync(ben)).Text("status"), (await ItemAsync(ben)).Text("why")));
        await NameAsync(ben, "Ann");
        Assert.Contains("Ann has claimed tests", Failure(await ben.JsonAsync(24, "gate", "lift", "tests", "--reason", "it does")), StringComparison.Ordinal);
        await NameAsync(ben, "Cem");
        await ActAsync(ben, 0, "lift", "tests", "--reason", "it does");
        Assert.Equal("pass", (await ItemAsync(ben)).Text("status"));

        var veto = await ActAsync(ben, 0, "veto", "tests", "--reason", "still");
        await CommitAsync(ben, "veto");
        await ben.GitAsync("rm", "-q", veto.Text("record"));
        await CommitAsync(ben, "tidy");
        var removed = await ItemAsync(ben);
        Assert.Equal("broken", removed.Text("status"));
        Assert.Contains("was removed in " + (await ben.RunAsync("git", "rev-parse", "HEAD"))[..12], removed.Text("why"), StringComparison.Ordinal);
        await ben.GitAsync("checkout", "-q", "HEAD^", "--", veto.Text("record"));
        Assert.Equal("veto", (await ItemAsync(ben)).Text("status"));
    }

    [Fact]
    public async Task A_program_outside_of_the_systems_folders_is_named_by_its_folder_and_the_newest_verdict_counts()
    {
        await using var ann = await AnnAsync("items: [ { id: tests, text: They pass., check: [own-tool, ok] } ]\n");
        var tools = Directory.CreateDirectory(Path.Combine(ann.Beside, "tools")).FullName;
        File.WriteAllText(Path.Combine(tools, "own-tool"), "#!/bin/sh\necho $1\n");
        File.SetUnixFileMode(Path.Combine(tools, "own-tool"), (UnixFileMode)0b111_101_101);
        ann.Environment["PATH"] = $"{tools}:{ann.Environment["PATH"]}";
        // Also on no branch.
        await ann.RunAsync("git", "checkout", "-q", "--detach");
        ann.Write("notes.txt", "detached\n");
        await CommitAsync(ann);
        await ActAsync(ann, 0, "claim", "tests");
        await NameAsync(ann, "Ben");
        await ann.RunAsync("git", "config", "clone.defaultRemoteName", "upstream");
        await ann.RunAsync("git", "config", "core.autocrlf", "true");
        await ann.RunAsync("git", "checkout", "-q", "main");
        var missing = await ActAsync(ann, 24, "verify", "tests");
        Assert.Contains("--path FOLDER", missing["notes"]![0]!.GetValue<string>(), StringComparison.Ordinal);
        await ActAsync(ann, 0, "verify", "tests", "--path", tools);
        (await ann.LapAsync("gate", "verify", "tests", "--path", "nowhere")).Exits(2);
        await ann.RunAsync("git", "checkout", "-q", "-");
        Assert.Equal("pass", (await ItemAsync(ann)).Text("status"));
    }

    [Fact]
    public async Task A_check_that_hangs_is_ended_at_its_bound_in_claim_and_verification()
    {
        await using var ann = await AnnAsync(Sheet.Replace("check: ./check.sh", "check: ./check.sh\n    timeout: 1s"), "#!/bin/sh\nmkdir -p out && echo 1 > out/report.txt\n[ -f local/quick ] || sleep 600\n");
        Assert.Contains("no end within 1.00 s", Failure(await ann.JsonAsync(24, "gate", "claim", "tests")), StringComparison.Ordinal);
        ann.Write("local/quick", "");
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        await using var ben = await CloneAsync(ann);
        Assert.Contains("no end within 1.00 s", (await ActAsync(ben, 24, "verify", "tests")).Text("difference"), StringComparison.Ordinal);
        NothingIsLeft(ben);
    }

    [Fact]
    public async Task An_interrupted_verification_leaves_nothing_behind_and_neither_does_a_server_that_a_check_started()
    {
        await using var ann = await AnnAsync(check: "#!/bin/sh\nmkdir -p out && echo 1 > out/report.txt\nif [ -f local/quick ]; then exit 0; fi\necho begun\nsleep 600\n");
        ann.Write("local/quick", "");
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        await using (var ben = await CloneAsync(ann))
        {
            var run = ben.Start("gate", "verify", "tests", "-v");
            await ben.UntilAsync(() => run.ErrorSoFar.Contains("| begun", StringComparison.Ordinal), "the check begins");
            run.Signal(UnixSignal.Interrupt);
            (await run.ResultAsync(TimeSpan.FromMinutes(1), ben.Cancel)).Exits(130);
            NothingIsLeft(ben);
            Assert.Single(Directory.EnumerateFiles(ben.At("gates/tests")));

            // What a killed one leaves, the next removes.
            var killed = ben.Start("gate", "verify", "tests", "-v");
            await ben.UntilAsync(() => killed.ErrorSoFar.Contains("| begun", StringComparison.Ordinal), "the check begins again");
            killed.Signal(UnixSignal.Kill);
            await killed.ResultAsync(TimeSpan.FromMinutes(1), ben.Cancel);
            Assert.NotEmpty(ben.Leftovers());
            var next = ben.Start("gate", "verify", "tests", "-v");
            await ben.UntilAsync(() => next.ErrorSoFar.Contains("| begun", StringComparison.Ordinal), "the next check begins");
            Assert.Single(Directory.EnumerateFileSystemEntries(ben.Environment["TMPDIR"], "lap-gate-*"));
            next.Signal(UnixSignal.Terminate);
            (await next.ResultAsync(TimeSpan.FromMinutes(1), ben.Cancel)).Exits(143);
            NothingIsLeft(ben);
        }

        ann.Write("check.sh", "#!/bin/sh\nmkdir -p out && echo 1 > out/report.txt\nsetsid sleep 600 > /dev/null 2>&1 < /dev/null &\n[ ! -f local/quick ] || kill $!\n");
        await CommitAsync(ann);
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        await using var cem = await CloneAsync(ann, "Cem");
        await ActAsync(cem, 0, "verify", "tests");
        NothingIsLeft(cem);
    }

    [Fact]
    public async Task An_edited_record_counts_for_nothing_and_so_does_kept_evidence_that_was_changed()
    {
        await using var ann = await AnnAsync();
        await ActAsync(ann, 0, "claim", "tests");
        await CommitAsync(ann, "records");
        await using var ben = await CloneAsync(ann);
        var verified = await ActAsync(ben, 0, "verify", "tests");
        ben.Edit(verified.Text("record"), "all good", "all well");
        var edited = await ItemAsync(ben);
        Assert.Equal("broken", edited.Text("status"));
        Assert.Contains("was edited", edited["troubles"]![0]!["what"]!.GetValue<string>(), StringComparison.Ordinal);
        ben.Edit(verified.Text("record"), "all well", "all good");
        Assert.Equal("pass", (await ItemAsync(ben)).Text("status"));

        var kept = Directory.EnumerateFiles(ben.At("gates/evidence")).Single();
        File.WriteAllText(kept, "2\n");
        Assert.Contains("evidence that was changed", (await ItemAsync(ben)).Text("why"), StringComparison.Ordinal);
        Assert.Contains("evidence that was changed", Failure(await ben.JsonAsync(24, "gate", "verify", "tests")), StringComparison.Ordinal);
        // A helper among the records is a file like any other.
        await ben.RunAsync("git", "checkout", "--", "gates/evidence");
        ben.Write("gates/tests/helper.sh", "x");
        Assert.Contains("gates/tests/helper.sh", Failure(await ben.JsonAsync(24, "gate", "claim", "tests")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_signed_records_another_name_with_the_same_key_is_the_same_hand()
    {
        await using var ann = await AnnAsync("signed: true\n" + Sheet);
        Assert.Contains("there is no key to sign with", (await ann.LapAsync("gate", "claim", "tests")).Exits(2).Error, StringComparison.Ordinal);
        ann.Write("laptime.yaml", "version: 1\nname: little\ncomponents: { web: { path: src } }\n");
        await CommitAsync(ann);
        (await ann.LapAsync("keys", "create", "ann")).Exits(0);
        (await ann.LapAsync("keys", "create", "ben", "--out", Path.Combine(ann.Beside, "ben"))).Exits(0);
        await CommitAsync(ann, "keys");
        Assert.True((bool)(await ActAsync(ann, 0, "claim", "tests"))["signed"]!);
        await NameAsync(ann, "Ben");
        Assert.Contains("the same key signs both", Failure(await ann.JsonAsync(24, "gate", "verify", "tests")), StringComparison.Ordinal);
        await CommitAsync(ann, "records");

        await using var ben = await CloneAsync(ann);
        (await ben.LapAsync("gate", "verify", "tests")).Exits(2);
        await ActAsync(ben, 0, "verify", "tests", "--key", Path.Combine(ann.Beside, "ben", "ben.key"));
        var passed = await ItemAsync(ben);
        Assert.Equal(("pass", "ben", "ann"), (passed.Text("status"), passed["verdicts"]![0]!.AsObject().Text("key"), passed["claim"]!.AsObject().Text("key")));
        var signature = Directory.EnumerateFiles(ben.At("gates/tests"), "*-pass-*.sig").Single();
        File.WriteAllText(signature, "AAAA\n");
        Assert.Contains("a signature that does not fit", (await ItemAsync(ben)).Text("why"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Items_run_what_they_need_first_and_wait_for_it_and_the_page_makes_nothing_unclean()
    {
        await using var ann = await AnnAsync(
            "items:\n  - { id: build, text: It builds., check: \"mkdir -p out && cp src/code.txt out/program\" }\n  - { id: run, text: It runs., check: [grep, code, out/program], needs: [build], same: [output] }\n");
        var claimed = await ActAsync(ann, 0, "claim", "run");
        Assert.Equal(["build", "run"], claimed["runs"]!.AsArray().Select(r => r!["item"]!.GetValue<string>()));
        await CommitAsync(ann, "records");
        await using var ben = await CloneAsync(ann);
        await ActAsync(ben, 0, "verify", "run");
        Assert.Equal(("blocked", "it needs build (unclaimed)"), ((await ItemAsync(ben, "run")).Text("status"), (await ItemAsync(ben, "run")).Text("why")));
        (await ben.LapAsync("gate", "status", "--markdown", "gates/README.md")).Exits(0);
        Assert.Contains("| `run` | blocked | It runs. |", ben.Read("gates/README.md"), StringComparison.Ordinal);
        await ActAsync(ben, 0, "claim", "build");
    }

    [Fact]
    public async Task Gates_below_the_top_of_a_repository_and_mistakes_in_the_file()
    {
        await using var ann = await AnnAsync("items: [ { id: whole, text: All., check: \"true\" } ]\n");
        ann.Write("sub/gates.yaml", "items:\n  - { id: part, text: A part., check: test -f here.txt, inputs: [here.txt, ../src] }\n");
        ann.Write("sub/here.txt", "here\n");
        await CommitAsync(ann);
        await ActAsync(ann, 0, "claim", "part", "-f", "sub/gates.yaml");
        await CommitAsync(ann, "records");
        await using var ben = await CloneAsync(ann);
        Assert.StartsWith("gates/part/", (await ActAsync(ben, 0, "verify", "part", "-f", "sub/gates.yaml")).Text("record"), StringComparison.Ordinal);
        Assert.True(Directory.Exists(ben.At("sub/gates/part")));
        ben.Write("src/code.txt", "changed\n");
        await CommitAsync(ben, "code");
        var status = await ben.JsonAsync(0, "gate", "status", "-f", "sub/laptime.yaml");
        Assert.Equal("stale", status["items"]![0]!.AsObject().Text("status"));

        ann.Write("gates.yaml", "items: [ { id: whole, text: All., chek: \"true\" } ]\n");
        var error = (await ann.LapAsync("gate", "status")).Exits(2).Error;
        Assert.Contains("gates.yaml:1:35: unknown key `chek` in an item", error, StringComparison.Ordinal);
        Assert.Contains("did you mean `check`?", error, StringComparison.Ordinal);
        File.Delete(ann.At("gates.yaml"));
        Assert.Contains("there is no gates.yaml", (await ann.LapAsync("gate", "status")).Exits(2).Error, StringComparison.Ordinal);
        Assert.Contains("\"title\": \"gates.yaml\"", (await ann.LapAsync("schema", "gates")).Exits(0).Out, StringComparison.Ordinal);
    }
}
