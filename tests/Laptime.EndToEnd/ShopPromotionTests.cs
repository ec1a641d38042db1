using System.Globalization;
using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Tests.Workspaces;
using Laptime.Transactions;

namespace Laptime.EndToEnd;

/// <summary>examples/shop from a commit to production: promotion by digest, each guardrail once, the way back, the audit log and the gates, with the real lap.</summary>
public sealed class ShopPromotionTests(PromotedShop shop) : IClassFixture<PromotedShop>
{
    private static readonly string[] Running = ["catalog", "gateway", "storefront"];
    private readonly LapWorkspace ws = shop.Workspace;

    [Fact]
    public async Task What_was_published_is_staged_promoted_by_digest_and_steady()
    {
        // Nothing is deployed to the safe loop that nobody published, whichever way.
        Assert.Contains("no artifact with provenance", shop.Unpublished.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(("reflected", 0, 3), (shop.Staged.Outcome(), shop.Staged.Count("built"), shop.Staged.Count("deploys")));
        Assert.Equal(["catalog: step format is left out of the fast loop", "gateway: step format is left out of the fast loop"], Document.Texts(shop.Staged["parityGaps"]));

        var promoted = shop.Promoted.Valid();
        Assert.Equal(("reflected", 3, shop.Staged.Text("id")), (promoted.Outcome(), promoted.Count("deploys"), promoted.Text("promotedFrom")));
        foreach (var name in Running)
        {
            Assert.Equal(shop.Staged.Component(name).Text("artifact"), promoted.Component(name).Text("artifact"));
            Assert.All((string[])["live", "ready", "smoke", "reflected"], signal => Assert.Equal("pass", promoted.Signal(name, signal)));
            var summary = shop.Summary(promoted, name);
            Assert.Equal(("PASSED", promoted.Component(name).Text("artifact")["sha256:".Length..]), ((string?)summary["predicate"]!["verificationResult"], (string?)summary["subject"]![0]!["digest"]!["sha256"]));
            Assert.StartsWith(".laptime/artifacts:att-", (string?)Assert.Single(summary["predicate"]!["inputAttestations"]!.AsArray())!["uri"], StringComparison.Ordinal);
        }

        // What staging left out was made up for, on the commit, with the same digest.
        Assert.Equal(2, promoted["segments"]!.AsArray().Count(s => (string?)s!["name"] == "build/format"));
        Assert.Contains("same digest", PromotedShop.Guardrail(promoted, "parity")["evidence"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(200, (await ws.GetAsync(shop.Port(18281), "/api/cart")).Status);

        // Steady: the same commit has nothing to do in production, by either command, and nothing is paid for twice.
        Assert.All(shop.After, d => Assert.Equal("unchanged", d.Valid().Outcome()));
        Assert.Null(Schema("checklist.v1.json").Refusal(await ws.JsonAsync(0, "checklist", "--env", "production")));
        Assert.DoesNotContain(shop.After[1]["segments"]!.AsArray(), s => (string?)s!["name"] == "build/format");
    }

    [Fact]
    public async Task What_a_fast_environment_leaves_out_is_told_from_both_policies_and_full_closes_what_a_build_can()
    {
        var plan = (await ws.JsonAsync(0, "plan", "--env", "local")).Valid();
        Assert.Equal(
            [
                "catalog: step format is left out of the fast loop", "gateway: step format is left out of the fast loop",
                "contracts, catalog, gateway, storefront: built with the profile fast, and production builds with release",
                "catalog, gateway, storefront: no verified provenance, and production wants it: lap publish",
            ], Document.Texts(plan["parityGaps"]));
        var full = (await ws.JsonAsync(0, "plan", "--env", "local", "--full")).Valid();
        // The storefront has no step that only the safe loop runs: what was published of it is found.
        Assert.Equal("release", full.Text("profile"));
        Assert.Equal("catalog, gateway: no verified provenance, and production wants it, which --full cannot make up for: lap publish", Assert.Single(Document.Texts(full["parityGaps"])));
        Assert.Equal("fast", (await ws.JsonAsync(0, "plan", "--env", "local", "--full", "--profile", "fast")).Text("profile"));

        // What came with provenance still has it when nothing is done.
        var again = (await ws.DeployAsync("--env", "staging")).Valid();
        Assert.DoesNotContain(Document.Texts(again["parityGaps"]), g => g.Contains("provenance", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_guardrail_refuses_once_with_its_reason_evidence_and_cure_and_then_it_goes_through()
    {
        // Reviews that the commits tell of: the author's own; none.
        await shop.PublishPageAsync("Ann looked at it herself", PromotedShop.Ann);
        await shop.StageAsync();
        await shop.RefusedAsync("review", "review: { by: git }", "self: ", "let somebody else merge it");
        Assert.StartsWith("self: 1 of ", (string?)(await shop.AllowedAsync("review", "review: { by: git, self: true }"))["what"], StringComparison.Ordinal);
        await shop.PublishPageAsync("Nobody looked at it", reviewer: null);
        await shop.StageAsync();
        await shop.RefusedAsync("review", "review: { by: git }", "nothing shows that", "`Reviewed-by: NAME <MAIL>`");

        // A policy that only reports lets it through, and says so: in the report and in the record.
        await shop.UnderAsync("review: { by: git }, report-only: [review]", async () =>
        {
            var reported = (await ws.JsonAsync(0, "promote", "--to", "production")).Valid();
            Assert.Equal("reported", (string?)PromotedShop.Guardrail(reported, "review")["status"]);
            Assert.Contains(Document.Texts(reported["warnings"]), w => w.StartsWith("review would refuse, and only reports here: nothing shows", StringComparison.Ordinal));
            var entries = (await ws.JsonAsync(0, "audit", "list"))["items"]!.AsArray();
            Assert.Equal("reported", (string?)entries.First(e => (string?)e!["event"] == "allowed")!["data"]!["guardrails"]!["review"]);
        });

        await shop.PublishPageAsync("Bob looked at it");
        var bobs = (await ws.RunAsync("git", "rev-parse", "HEAD")).Trim();
        await shop.StageAsync("--no-smoke");
        await shop.RefusedAsync("smoke", "", "nothing shows that the smoke checks of storefront passed in staging", "lap deploy --env staging --recreate");
        var staged = await shop.StageAsync("--recreate");

        await shop.RefusedAsync("provenance", "", "urn:test:builder", "trust", edits: ("builder: urn:test:builder", "builder: urn:other:builder"));
        await shop.RefusedAsync("builder", "builders: [\"https://ci.example.org/*\"]", "storefront was built by urn:test:builder", "publish from https://ci.example.org/*");

        Assert.Contains("Reviewed-by " + PromotedShop.Bob, (await shop.AllowedAsync("review", "review: { by: git }"))["evidence"]!.AsArray().Select(e => (string)e!).Single(), StringComparison.Ordinal);
        const string Owners = "review: { by: codeowners }";
        await shop.RefusedAsync("review", Owners, "nothing shows that", "an owner of what changed");
        ws.Write("CODEOWNERS", "* carol@example.org\n");
        Assert.Contains("who does not own src/storefront/page.html", (await shop.RefusedAsync("review", Owners, "nothing shows that", "an owner of what changed"))["evidence"]![0]!.ToString(), StringComparison.Ordinal);
        ws.Write("CODEOWNERS", "* carol@example.org\n/src/storefront/ bob@example.org\n");
        Assert.Equal("pass", (string?)(await shop.AllowedAsync("review", Owners))["status"]);
        File.Delete(ws.At("CODEOWNERS"));

        const string Attestation = "review: { by: attestation, file: \"data/${commit}.json\" }";
        await shop.RefusedAsync("review", Attestation, "nothing shows that", "write data/${commit}.json");
        ws.Write($"data/{bobs}.json", $$"""{ "commit": "{{bobs}}", "approver": "{{PromotedShop.Ann}}" }""");
        await shop.RefusedAsync("review", Attestation, "self: ", "write data/${commit}.json");
        ws.Write($"data/{bobs}.json", $$"""{ "commit": "{{bobs}}", "approver": "{{PromotedShop.Bob}}" }""");
        Assert.Equal($"data/{bobs}.json", (string?)Assert.Single((await shop.AllowedAsync("review", Attestation))["attestations"]!.AsArray())!["uri"]);

        static string Command(string command) => $"review: {{ by: command, command: \"{command}\" }}";
        await shop.RefusedAsync("review", Command("exit 1"), "nothing shows that", "must end with 0 and print who reviewed");
        await shop.RefusedAsync("review", Command($"echo '{PromotedShop.Ann}'"), "self: ", "must end with 0 and print who reviewed");
        Assert.Contains(PromotedShop.Bob, (await shop.AllowedAsync("review", Command($"test $LAPTIME_COMMIT = {bobs} && echo '{PromotedShop.Bob}'")))["evidence"]![0]!.ToString(), StringComparison.Ordinal);

        // A ledger with one number twice.
        ws.Write("data/changes/0001_orders.sql", "create table if not exists orders (n int);");
        ws.Write("data/changes/0001_lines.sql", "create table if not exists lines (n int);");
        ws.Write("data/ledger.db", "");
        await shop.RefusedAsync("ledger", "", "duplicate-id", "lap ledger check", edits: ("\ntrust:", "\nledgers:\n  main: { tool: sql, path: data/changes, database: \"sqlite:data/ledger.db\" }\ntrust:"));
        Directory.Delete(ws.At("data/changes"), recursive: true);

        // A window by the clock of its zone: the very same hours are frozen on Kiritimati and long over on Samoa, a day and an hour behind.
        var there = TimeZoneInfo.ConvertTime(DateTimeOffset.UtcNow, TimeZoneInfo.FindSystemTimeZoneById("Pacific/Kiritimati"));
        string Window(string zone) => string.Create(CultureInfo.InvariantCulture, $"freeze: [ {{ name: audit, from: \"{there.AddHours(-1):yyyy-MM-dd HH:mm}\", until: \"{there.AddHours(2):yyyy-MM-dd HH:mm}\", zone: {zone} }} ]");
        await shop.RefusedAsync("freeze", Window("Pacific/Kiritimati"), "frozen by audit until", "wait until then");
        Assert.Equal("pass", (string?)(await shop.AllowedAsync("freeze", Window("Pacific/Pago_Pago")))["status"]);

        // Somebody else's rollout goes on, in another environment.
        Directory.CreateDirectory(ws.At(".laptime/env/local"));
        using (await EnvironmentLock.AcquireAsync(ws.At(".laptime/env/local"), "local", "tx-20261121-110329-7f3a9c", null, TimeSpan.Zero, null, TimeProvider.System, ws.Cancel))
        {
            await shop.RefusedAsync("rollouts", "rollouts: 1", "1 rollouts go on already", "lap lock status");
            Assert.Equal("pass", (string?)(await shop.AllowedAsync("rollouts", "rollouts: 2"))["status"]);
        }

        // What serves was pruned: told to a question as to a promotion, before anything is touched.
        var serves = (await ws.JsonAsync(0, "status", "--env", "production")).Component("storefront")["observed"]!["artifact"]!.ToString();
        var blob = ws.At(".laptime/artifacts/blobs/sha256/" + serves["sha256:".Length..]);
        File.Move(blob, blob + ".aside");
        await shop.RefusedAsync("rollback", "", "is missing: not all of", "--override rollback", arguments: ["--dry-run"]);
        await shop.RefusedAsync("rollback", "", "is missing: not all of", "--override rollback");
        Assert.Equal(serves, (await ws.JsonAsync(0, "status", "--env", "production")).Component("storefront")["observed"]!["artifact"]!.ToString());
        File.Move(blob + ".aside", blob);

        // An override opens what the policy names, and nothing else; and it is in the record.
        string[] opened = ["--override", "freeze", "--reason", "incident 4711"];
        Assert.Contains("guardrails.override does not name it", (await shop.RefusedAsync("freeze", Window("Pacific/Kiritimati"), "frozen by audit until", "wait until then", arguments: opened))["mend"]!.ToString(), StringComparison.Ordinal);
        await shop.UnderAsync(Window("Pacific/Kiritimati") + ", override: [freeze]", async () =>
        {
            var done = (await ws.JsonAsync(0, ["promote", "--to", "production", .. opened])).Valid();
            Assert.Equal(("reflected", 1, staged.Component("storefront").Text("artifact")), (done.Outcome(), done.Count("deploys"), done.Component("storefront").Text("artifact")));
            Assert.Equal(("overridden", "incident 4711"), ((string?)PromotedShop.Guardrail(done, "freeze")["status"], (string?)PromotedShop.Guardrail(done, "freeze")["reason"]));
            Assert.Contains(Document.Texts(done["warnings"]), w => w.StartsWith("freeze was overridden (incident 4711): frozen by audit", StringComparison.Ordinal));
        });
        var record = (await ws.JsonAsync(0, "audit", "list", "-n", "1000"))["items"]!.AsArray();
        Assert.Equal("incident 4711", (string?)record.First(e => (string?)e!["event"] == "allowed")!["data"]!["overrides"]!["freeze"]);
        Assert.Equal(
            ["builder", "freeze", "ledger", "provenance", "review", "rollback", "rollouts", "smoke"],
            record.Where(e => (string?)e!["event"] == "refused").SelectMany(e => e!["data"]!["guardrails"]!.AsObject().Where(g => (string?)g.Value == "refused").Select(g => g.Key)).Distinct().Except(["parity"]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_gap_is_paid_before_anything_is_promoted_and_a_broken_release_takes_itself_back_while_the_old_one_serves()
    {
        // Staging leaves `dotnet format` out. Production does not.
        ws.Edit("src/gateway/CartText.cs", "return new Cart(", "return   new Cart(");
        await shop.CommitAsync("The cart, badly formatted");
        await shop.StageAsync();
        var refused = await shop.RefusedAsync("parity", "", "gateway: step format is left out of the fast loop, and failed when it was made up for", "");
        Assert.Contains("dotnet format", refused.ToJsonString(), StringComparison.Ordinal);

        // Well formatted, and broken where only production shows it.
        ws.Edit("src/gateway/CartText.cs", "return   new Cart(", "return new Cart(");
        ws.Write("src/gateway/CartText.cs", ws.Read("src/gateway/CartText.cs") + "\ninternal static class Edited;\n");
        ws.Edit("src/storefront/serve.py", "elif self.path == \"/\":\n            self.answer(200,", $"elif self.path == \"/\":\n            self.answer(500 if gateway.endswith(\":{shop.Port(18281)}\") else 200,");
        await shop.CommitAsync("The cart, and a page that fails in production");
        var staged = await shop.StageAsync();
        Assert.Equal("pass", staged.Signal("storefront", "smoke"));
        var before = (await ws.JsonAsync(0, "status", "--env", "production"))["components"]!.ToJsonString();
        using var stop = new CancellationTokenSource();
        var asking = AskUntilAsync(ws, [(shop.Port(18280), "/"), (shop.Port(18280), "/api/cart"), (shop.Port(18281), "/api/products")], stop.Token);
        var failed = (await ws.JsonAsync(14, "promote", "--to", "production")).Valid();
        await stop.CancelAsync();
        var (answers, bad) = await asking;
        Assert.True(answers > 20, $"{answers} answers");
        Assert.Empty(bad);
        Assert.Contains("serves again", failed.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains(failed["segments"]!.AsArray(), s => (string?)s!["name"] == "build/format");
        Assert.Equal("FAILED", (string?)shop.Summary(failed, "storefront")["predicate"]!["verificationResult"]);
        Assert.NotEmpty(shop.Summary(failed, "storefront")["predicate"]!["inputAttestations"]!.AsArray());
        Assert.Equal("smoke-failed", (string?)(await ws.JsonAsync(0, "audit", "list"))["items"]![0]!["data"]!["outcome"]);

        string Serving(string components) => string.Join(", ", JsonNode.Parse(components)!.AsArray().Select(c => (string?)c!["observed"]?["artifact"]));
        Assert.Equal(Serving(before), Serving((await ws.JsonAsync(0, "status", "--env", "production"))["components"]!.ToJsonString()));
        ws.Edit("src/storefront/serve.py", $"500 if gateway.endswith(\":{shop.Port(18281)}\") else 200", "200");
        await shop.CommitAsync("The page works");
    }

    [Fact]
    public async Task A_touched_audit_log_is_found_out()
    {
        const string Log = ".laptime/audit/log.jsonl";
        var whole = ws.Read(Log);
        var lines = whole.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length >= 4, whole);
        Assert.Null(Schema("audit.v1.json").Refusal(await ws.JsonAsync(0, "audit", "list")));
        Assert.Empty((await ws.JsonAsync(0, "audit", "verify"))["findings"]!.AsArray());
        var event2 = whole.IndexOf("\"event\":\"", lines[0].Length, StringComparison.Ordinal) + 9;
        await FoundAsync("edited", whole[..event2] + (char)(whole[event2] ^ 1) + whole[(event2 + 1)..]);
        await FoundAsync("removed", Of([lines[0], .. lines[2..]]));
        await FoundAsync("reordered", Of([lines[0], lines[2], lines[1], .. lines[3..]]));
        await FoundAsync("cut-tail", Of(lines[..^1]));

        // Cut with its checkpoints: what lies with the artifacts still tells.
        var checkpoints = ws.Read(".laptime/audit/log.checkpoints.jsonl");
        File.Delete(ws.At(".laptime/audit/log.checkpoints.jsonl"));
        await FoundAsync("cut-tail", Of(lines[..2]));
        ws.Write(".laptime/audit/log.checkpoints.jsonl", checkpoints);

        static string Of(IEnumerable<string> lines) => string.Concat(lines.Select(l => l + "\n"));

        async Task FoundAsync(string kind, string log)
        {
            ws.Write(Log, log);
            var verdict = await ws.JsonAsync(21, "audit", "verify");
            Assert.Null(Schema("audit-verdict.v1.json").Refusal(verdict));
            Assert.Contains(kind, verdict["findings"]!.AsArray().Select(f => (string?)f!["kind"]));
            Assert.NotEmpty(verdict["cannotSee"]!.AsArray());
            ws.Write(Log, whole);
        }
    }

    [Fact]
    public async Task A_gate_claimed_by_Ann_is_verified_by_Bob_from_a_fresh_clone_and_not_by_her_nor_with_a_file_that_only_she_has()
    {
        ws.Write("data/words.sh", "WORD=CartItem\n");
        await ws.JsonAsync(0, "gate", "claim", "page");
        await ws.JsonAsync(0, "gate", "claim", "words");
        Assert.Contains("you claimed it yourself", (await ws.JsonAsync(24, "gate", "verify", "page")).FailureMessage(), StringComparison.Ordinal);
        var log = (await ws.JsonAsync(0, "audit", "list"))["items"]!.AsArray();
        Assert.Equal(["gate-refused", "gate-claim", "gate-claim"], log.Take(3).Select(e => (string?)e!["event"]));
        Assert.Equal(("page", "verify"), ((string?)log[0]!["data"]!["item"], (string?)log[0]!["data"]!["attempt"]));
        await shop.CommitAsync("Claims");

        await using var bob = await LapWorkspace.EmptyAsync();
        await bob.RunAsync("git", "clone", "-q", ws.Root, ".");
        await bob.RunAsync("git", "config", "user.name", "Bob");
        await bob.RunAsync("git", "config", "user.email", "bob@example.org");
        Assert.Equal("pass", (string?)(await bob.JsonAsync(0, "gate", "verify", "page"))["verdict"]);
        var failed = await bob.JsonAsync(24, "gate", "verify", "words");
        Assert.Equal(("fail", "data/words.sh"), ((string?)failed["verdict"], (string?)failed["suspects"]!.AsArray().Single()!["path"]));
    }

    private static SmallJsonSchema Schema(string name) => new(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", name)))!);

    /// <summary>Users: they ask again and again, one question after the other, until told to stop.</summary>
    private static async Task<(int Answers, IReadOnlyList<string> Bad)> AskUntilAsync(LapWorkspace ws, (int Port, string Path)[] asked, CancellationToken stop)
    {
        var (answers, bad) = (0, new List<string>());
        while (!stop.IsCancellationRequested)
        {
            foreach (var (port, path) in asked)
            {
                try
                {
                    var (status, body) = await ws.GetAsync(port, path);
                    answers++;
                    if (status != 200)
                    {
                        bad.Add($"{port}{path}: {status} {body}");
                    }
                }
                catch (HttpRequestException e)
                {
                    bad.Add($"{port}{path}: {e.Message}");
                }
            }
        }

        return (answers, bad);
    }
}
