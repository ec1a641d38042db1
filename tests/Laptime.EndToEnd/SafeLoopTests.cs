using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;
using Laptime.Transactions;

namespace Laptime.EndToEnd;

/// <summary>
/// From the fast loop to the safe one with the real lap, where little programs show what the shop cannot (<see cref="ShopPromotionTests"/>): parity that cannot be paid, ledgers, a way back that is gone, a forged journal.
/// </summary>
public sealed class SafeLoopTests
{
    [Fact]
    public async Task What_was_left_out_is_made_up_for_with_the_same_digest_or_refused_and_then_it_goes_through()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;

        // Done in full, the build gives something else: that is another artifact than was promoted.
        ws.Edit("laptime.yaml", "run: \"test -s text.txt\"", "run: \"test -s text.txt && date +%N > out/lint.txt\"");
        await scene.CommitAsync("Lint writes", "five");
        await scene.StageAsync();
        await RefusedAsync(ws, "parity", "and not ");
        ws.Edit("laptime.yaml", "run: \"test -s text.txt && date +%N > out/lint.txt\"", "run: \"test -s text.txt\"");
        await scene.CommitAsync("Lint reads", "six");
        var staged = await scene.StageAsync();

        // A question first: every guardrail with its evidence, and nothing done.
        var entries = (await ws.JsonAsync(0, "audit", "list", "-n", "1000"))["items"]!.AsArray().Count;
        var asked = await ws.JsonAsync(0, "promote", "--to", "production", "--dry-run");
        Assert.Equal("planned", asked.Outcome());
        Assert.Equal(9, asked["guardrails"]!.AsArray().Count);
        Assert.All(asked["guardrails"]!.AsArray(), g => Assert.Contains((string?)g!["status"], (string?[])["pass", "not-asked"]));
        Assert.Equal(entries, (await ws.JsonAsync(0, "audit", "list", "-n", "1000"))["items"]!.AsArray().Count);

        // Through: what production serves is what staging served, digest by digest; nothing was built for it.
        var promoted = (await ws.JsonAsync(0, "promote", "--to", "production")).Valid();
        Assert.Equal(("reflected", staged.Text("id")), (promoted.Outcome(), promoted.Text("promotedFrom")));
        Assert.Equal(staged.Component("web").Text("artifact"), promoted.Component("web").Text("artifact"));
        Assert.Contains(promoted["segments"]!.AsArray(), s => (string?)s!["name"] == "build/lint");
        Assert.Contains("same digest", Guardrail(promoted, "parity")["evidence"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("six", (await ws.GetAsync(scene.ProductionPort)).Body);

        // The next deploy of the same commit finds nothing to do, although production's policy is another one.
        Assert.Equal("unchanged", (await ws.DeployAsync("--env", "production")).Outcome());

        // The decision is there for other tools, for the refusals too.
        var summary = JsonNode.Parse(ws.Read($".laptime/reports/{promoted.Text("id")}.web.vsa.json"))!;
        var statement = JsonNode.Parse(Convert.FromBase64String((string)summary["dsseEnvelope"]!["payload"]!))!;
        Assert.Equal(("https://slsa.dev/verification_summary/v1", "PASSED"), ((string?)statement["predicateType"], (string?)statement["predicate"]!["verificationResult"]));
        Assert.Equal(promoted.Component("web").Text("artifact")["sha256:".Length..], (string?)statement["subject"]![0]!["digest"]!["sha256"]);

        var checklist = (await ws.JsonAsync(0, "checklist", "--env", "production"))["items"]!.AsArray();
        Assert.Equal(10, checklist.Count);
        Assert.All((string[])["1", "4", "5", "8", "9"], id => Assert.Equal("met", (string?)checklist.First(i => (string?)i!["id"] == id)!["status"]));
        Assert.Equal("no-evidence", (string?)checklist.First(i => (string?)i!["id"] == "2")!["status"]);
    }

    [Fact]
    public async Task A_ledger_refuses_a_promotion_by_governance_always_and_by_behaviour_where_its_policy_says_so()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        await scene.StageAsync();
        ws.Write("shop.db", "");
        ws.Write("changes/0001_orders.sql", "create table if not exists orders (n int);");
        ws.Write("changes/0002_seed.sql", "insert into orders (n) values (1);");
        ws.Write("laptime.yaml", ws.Read("laptime.yaml").TrimEnd('\n') + "\nledgers:\n  main: { tool: sql, path: changes, database: \"sqlite:shop.db\" }\n");
        Assert.Equal("pass", (string?)Guardrail(await ws.JsonAsync(0, "promote", "--to", "production", "--dry-run"), "ledger")["status"]);
        ws.Edit("laptime.yaml", "tool: sql,", "tool: sql, behaviour: refuse,");
        await RefusedAsync(ws, "ledger", "main: not-idempotent");
        File.Delete(ws.At("changes/0002_seed.sql"));
        Assert.Equal("pass", (string?)Guardrail(await ws.JsonAsync(0, "promote", "--to", "production", "--dry-run"), "ledger")["status"]);

        // What is declared and was not asked is not clean.
        ws.Edit("laptime.yaml", "\"sqlite:shop.db\"", "\"${env.NO_SUCH_DATABASE}\"");
        await RefusedAsync(ws, "ledger", "main: its database was not asked: NO_SUCH_DATABASE is not set");
        ws.Edit("laptime.yaml", "\"${env.NO_SUCH_DATABASE}\"", "\"sqlite:shop.db\"");

        // A body that does nothing has somebody else's number all the same.
        ws.Write("changes/0001_nothing.sql", "select 1;");
        ws.Edit("laptime.yaml", "behaviour: refuse", "behaviour: warn");
        await RefusedAsync(ws, "ledger", "main: duplicate-id");
    }

    [Fact]
    public async Task A_pruned_rollback_target_is_told_before_the_rollout_and_not_after()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        var first = await scene.StageAsync();
        await ws.JsonAsync(0, "promote", "--to", "production");
        await scene.CommitAsync("Two", "two");
        await scene.StageAsync();
        scene.Forget(first.Component("web").Text("artifact"));

        var refused = (await ws.JsonAsync(21, "promote", "--to", "production")).Valid();
        Assert.Contains("is missing: not all of", Guardrail(refused, "rollback")["what"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, refused.Count("deploys"));
        Assert.Equal("one", (await ws.GetAsync(scene.ProductionPort)).Body);

        // Allowed, with a reason that stays in the record.
        ws.Edit("laptime.yaml", "guardrails: {", "guardrails: { override: [rollback],");
        var done = (await ws.JsonAsync(0, "promote", "--to", "production", "--override", "rollback", "--reason", "the old one is of no use")).Valid();
        Assert.Equal("overridden", (string?)Guardrail(done, "rollback")["status"]);
        Assert.Equal("two", (await ws.GetAsync(scene.ProductionPort)).Body);
        Assert.Contains("the old one is of no use", (await ws.JsonAsync(0, "audit", "list"))["items"]!.ToJsonString(), StringComparison.Ordinal);

        // And there is no way back to what is not there: 22, with what serves.
        var nowhere = (await ws.JsonAsync(22, "rollback", "--env", "production")).Valid();
        Assert.Contains("goes on serving", nowhere.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal("two", (await ws.GetAsync(scene.ProductionPort)).Body);
    }

    [Fact]
    public async Task A_take_back_that_fails_ends_with_22_and_says_what_serves_now()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        var (api, sick) = (Ports.Free(), Path.Combine(ws.Beside, "sick"));
        var file = ws.Read("laptime.yaml");
        var (start, end) = (file.IndexOf("  web:\n", StringComparison.Ordinal), file.IndexOf("environments:", StringComparison.Ordinal));
        var other = System.Text.RegularExpressions.Regex.Replace(file[start..end].Replace("web", "api", StringComparison.Ordinal), "port: [0-9]+", $"port: {Ports.Free()}");
        ws.Write("laptime.yaml", file[..start] + other + file[start..end].Replace("    path: web\n", "    path: web\n    needs: [api]\n", StringComparison.Ordinal).Replace("{ http: /, status: 200 }", "{ http: /, contains: \"${env.WANTED}\" }", StringComparison.Ordinal)
            + file[end..].Replace($"web: {scene.ProductionPort}", $"web: {scene.ProductionPort}, api: {api}", StringComparison.Ordinal));
        ws.Environment["WANTED"] = "o";
        ws.Write("api/server.py", $"import os, sys\nif os.path.exists('{sick}'): sys.exit(4)\n" + ws.Read("web/server.py"));
        ws.Write("api/text.txt", "one of api");
        await scene.CommitAsync("Two components", "one");
        await scene.StageAsync();
        await ws.JsonAsync(0, "promote", "--to", "production");

        // The new api goes through; web, which needs it, fails; and the old api does not start any more.
        ws.Write("api/server.py", ws.Read("web/server.py"));
        ws.Write("api/text.txt", "two of api");
        await scene.CommitAsync("Broken in production", "two");
        var staged = await scene.StageAsync();
        File.WriteAllText(sick, "");
        ws.Environment["WANTED"] = "nothing that it says";
        var failed = (await ws.JsonAsync(22, "promote", "--to", "production")).Valid();
        Assert.Equal("rollback-failed", failed.Outcome());
        Assert.Contains("taking back to api@", failed.FailureMessage(), StringComparison.Ordinal);
        Assert.Contains($"{staged.Component("api").Text("revision")}", failed.FailureMessage().Split("; ")[^1], StringComparison.Ordinal);
        Assert.EndsWith("serve now", failed.FailureMessage(), StringComparison.Ordinal);
        Assert.Equal(("one", "two of api"), ((await ws.GetAsync(scene.ProductionPort)).Body, (await ws.GetAsync(api)).Body));
    }

    [Fact]
    public async Task What_may_change_while_the_lock_is_waited_for_is_asked_again_under_it()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        ws.Edit("laptime.yaml", "guardrails: { from: staging }", "guardrails: { from: staging, rollouts: 1 }");
        await scene.CommitAsync("One rollout at a time", "one");
        await scene.StageAsync();
        Directory.CreateDirectory(ws.At(".laptime/env/production"));
        var before = await LockAsync("production", "tx-20261121-110329-7f3a9c");
        var promoting = ws.Start("promote", "--to", "production", "-o", "json", "--progress", "plain");
        await ws.UntilAsync(() => promoting.HasExited || promoting.ErrorSoFar.Contains("waiting for tx-20261121-110329-7f3a9c", StringComparison.Ordinal), "the promotion waits for its lock");

        // Nobody else rolled out when the guardrails were asked; somebody does when the lock is had.
        using (await LockAsync("staging", "tx-20261121-110330-7f3a9d"))
        {
            before.Dispose();
            var refused = (await promoting.ResultAsync(TimeSpan.FromMinutes(1), ws.Cancel)).Exits(21).Json.Valid();
            Assert.Contains("staging: tx-20261121-110330-7f3a9d", Guardrail(refused, "rollouts")["evidence"]!.ToJsonString(), StringComparison.Ordinal);
            Assert.Equal((9, 0), (refused["guardrails"]!.AsArray().Count, refused.Count("deploys")));
            Assert.Contains("\"refused\"", (await ws.JsonAsync(0, "audit", "list"))["items"]!.ToJsonString(), StringComparison.Ordinal);
        }

        Assert.Equal("reflected", (await ws.JsonAsync(0, "promote", "--to", "production")).Outcome());

        Task<EnvironmentLock> LockAsync(string environment, string transaction) =>
            EnvironmentLock.AcquireAsync(ws.At($".laptime/env/{environment}"), environment, transaction, null, TimeSpan.Zero, null, TimeProvider.System, ws.Cancel);
    }

    [Fact]
    public async Task A_forged_journal_or_state_brings_nothing_to_production_that_nobody_signed()
    {
        await using var scene = await Scene.OpenAsync();
        var ws = scene.Workspace;
        var signed = await scene.StageAsync();
        await scene.CommitAsync("Two", "two");
        var built = await ws.DeployAsync("--env", "staging");
        Assert.NotEqual(signed.Component("web").Text("artifact"), built.Component("web").Text("artifact"));

        // All that the journal has of the signed one is said of the other, whose digest alone stays.
        await ws.RunAsync("python3", "-c", """
            import json, sqlite3, sys
            journal = sqlite3.connect('.laptime/journal.db')
            signed, built = [json.loads(journal.execute('SELECT document FROM transactions WHERE id = ?', (id,)).fetchone()[0]) for id in sys.argv[1:]]
            artifact = [c for c in built['components'] if c['name'] == 'web'][0]['artifact']
            forged = dict(signed, id=built['id'])
            for component in forged['components']:
                component['artifact'] = artifact
            changed = journal.execute('UPDATE transactions SET document = ? WHERE id = ?', (json.dumps(forged), built['id']))
            assert changed.rowcount == 1
            journal.commit()
            """, signed.Text("id"), built.Text("id"));
        Assert.Equal(signed.Component("web").Text("fingerprint"), (await ws.JsonAsync(0, "report", built.Text("id"))).Component("web").Text("fingerprint"));
        await RefusedAsync(ws, "provenance", "");

        // Nor does state that says it was verified in production: what is deployed there is looked up, with a signature.
        ws.Write(".laptime/env/production/state.json", ws.Read(".laptime/env/staging/state.json"));
        Assert.Contains("no artifact with provenance", (await ws.JsonAsync(21, "deploy", "--env", "production")).FailureMessage(), StringComparison.Ordinal);
    }

    private static JsonNode Guardrail(JsonObject document, string name) => document["guardrails"]!.AsArray().First(g => (string?)g!["name"] == name)!;

    private static async Task RefusedAsync(LapWorkspace ws, string guardrail, string words)
    {
        var refused = (await ws.JsonAsync(21, "promote", "--to", "production")).Valid();
        Assert.Equal("guardrail-refused", refused.Outcome());
        Assert.Equal("refused", (string?)Guardrail(refused, guardrail)["status"]);
        Assert.Contains(words, (string)Guardrail(refused, guardrail)["what"]!, StringComparison.Ordinal);
        Assert.NotNull((string?)Guardrail(refused, guardrail)["mend"]);
        Assert.Equal(0, refused.Count("deploys"));
    }

    /// <summary>A repository with staging and production on this machine, a key, and a store beside it.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private const string Server = """
            import http.server, os
            class H(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    self.send_response(200); self.end_headers(); self.wfile.write(open('text.txt').read().strip().encode())
                def log_message(self, *a): pass
            http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()
            """;

        private Scene(LapWorkspace workspace, int production) => (Workspace, ProductionPort) = (workspace, production);

        public LapWorkspace Workspace { get; }

        public int ProductionPort { get; }

        public static async Task<Scene> OpenAsync()
        {
            var ws = await LapWorkspace.EmptyAsync();
            var production = Ports.Free();
            ws.Write("web/server.py", Server);
            ws.Write(".gitignore", "out/\n.laptime/\n");
            ws.Write("laptime.yaml", $$"""
                name: safe
                components:
                  web:
                    path: web
                    build:
                      steps:
                        - { name: make, kind: compile, run: "mkdir -p out && cp server.py text.txt out/" }
                        - { name: lint, kind: validate, run: "test -s text.txt", loops: [safe] }
                      outputs: ["out/**"]
                    run: { command: "cd out && exec python3 server.py", port: {{Ports.Free()}} }
                    probes:
                      ready: { http: / }
                      smoke: [ { http: /, status: 200 } ]
                environments:
                  staging: { target: process }
                  production:
                    target: process
                    loop: safe
                    ports: { web: {{production}} }
                    guardrails: { from: staging }
                artifacts: { store: ../store }
                trust:
                  - { source: merge-to-main, builder: "urn:test:builder", key: keys/lap.pub }

                """);
            ws.Environment["LAP_BUILDER"] = "urn:test:builder";
            (await ws.LapAsync("keys", "create")).Exits(0);
            await GitAsync(ws, "init", "-q", "-b", "main");
            var scene = new Scene(ws, production);
            await scene.CommitAsync("One", "one");
            return scene;
        }

        /// <summary>Commits everything as Ann.</summary>
        public async Task CommitAsync(string subject, string text)
        {
            Workspace.Write("web/text.txt", text);
            await GitAsync(Workspace, "add", "-A");
            await GitAsync(Workspace, "commit", "-q", "-m", subject);
        }

        public async Task PublishAsync() => Assert.Contains((await Workspace.JsonAsync(0, "publish", "--env", "staging")).Outcome(), (string[])["published", "unchanged"]);

        /// <summary>Publishes HEAD and brings it to staging.</summary>
        public async Task<JsonObject> StageAsync()
        {
            await PublishAsync();
            return await Workspace.DeployAsync("--env", "staging");
        }

        /// <summary>Takes an artifact's blobs out of both stores, as a pruning elsewhere does.</summary>
        public void Forget(string artifact)
        {
            foreach (var store in (string[])[Workspace.At(".laptime/artifacts"), Path.GetFullPath(Workspace.At("../store"))])
            {
                File.Delete(Path.Combine(store, "blobs", "sha256", artifact["sha256:".Length..]));
            }
        }

        public ValueTask DisposeAsync() => Workspace.DisposeAsync();

        private static Task GitAsync(LapWorkspace ws, params string[] arguments) =>
            ws.RunAsync("git", ["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false", .. arguments]);
    }
}
