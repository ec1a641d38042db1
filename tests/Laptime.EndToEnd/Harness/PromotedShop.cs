using System.Text.Json.Nodes;
using Laptime.EndToEnd.Harness;

namespace Laptime.EndToEnd;

/// <summary>
/// examples/shop in a repository of Ann's, published, staged and promoted: what its page says under "To production". Every test that shares it makes a commit of its own, and leaves the working tree as it was.
/// </summary>
public sealed class PromotedShop : IAsyncLifetime
{
    public const string Ann = "Ann <ann@example.org>";
    public const string Bob = "Bob <bob@example.org>";

    /// <summary>As examples/shop writes it.</summary>
    private const string Policy = "guardrails: { from: staging, override: [rollback] }";

    private LapWorkspace? workspace;
    private IReadOnlyDictionary<int, int> ports = new Dictionary<int, int>();

    internal LapWorkspace Workspace => workspace!;

    /// <summary>`lap deploy --env production` before anything was published.</summary>
    public JsonObject Unpublished { get; private set; } = [];

    /// <summary>The first deploy to staging, of what was published.</summary>
    public JsonObject Staged { get; private set; } = [];

    /// <summary>Its promotion.</summary>
    public JsonObject Promoted { get; private set; } = [];

    /// <summary>What a deploy to production and another promotion had to do after it.</summary>
    public IReadOnlyList<JsonObject> After { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        (workspace, ports) = await DemoShop.CopyAsync();
        Workspace.Environment["LAP_BUILDER"] = "urn:test:builder";
        var rule = (await Workspace.JsonAsync(0, "keys", "create"))["rule"]!;
        Workspace.Write("laptime.yaml", Workspace.Read("laptime.yaml") + $"\ntrust:\n  {rule}\n");
        Workspace.Write("gates.yaml", """
            items:
              - { id: page, text: The page can be made., check: python3 src/storefront/build.py, inputs: [src/storefront, proto], evidence: [src/storefront/out/index.html] }
              - { id: words, text: The protocol has the words., check: "sh -c '. ./data/words.sh && grep -q \"$WORD\" proto/shop.proto'", inputs: [proto] }

            """);
        await Workspace.RunAsync("git", "init", "-q", "-b", "main");
        await Workspace.RunAsync("git", "config", "user.name", "Ann");
        await Workspace.RunAsync("git", "config", "user.email", "ann@example.org");
        await Workspace.RunAsync("git", "config", "commit.gpgsign", "false");
        await CommitAsync("The shop", Bob);
        Unpublished = await Workspace.JsonAsync(21, "deploy", "--env", "production");
        Staged = await StageAsync();
        Promoted = await Workspace.JsonAsync(0, "promote", "--to", "production");
        After = [await Workspace.DeployAsync("--env", "production"), await Workspace.JsonAsync(0, "promote", "--to", "production")];
    }

    public async ValueTask DisposeAsync()
    {
        if (workspace is not null)
        {
            await workspace.DisposeAsync();
        }
    }

    /// <summary>The free port in place of one that examples/shop/laptime.yaml writes.</summary>
    internal int Port(int written) => ports[written];

    /// <param name="reviewer">Of the trailer; null: there is none.</param>
    internal async Task CommitAsync(string subject, string? reviewer = Bob)
    {
        await Workspace.RunAsync("git", "add", "-A");
        await Workspace.RunAsync("git", "commit", "-q", "-m", reviewer is null ? subject : $"{subject}\n\nReviewed-by: {reviewer}");
    }

    /// <summary>A commit that changes the page alone, published but not staged.</summary>
    internal async Task PublishPageAsync(string subject, string? reviewer = Bob)
    {
        Workspace.Write("src/storefront/page.html", Workspace.Read("src/storefront/page.html") + $"<!-- {subject} -->\n");
        await CommitAsync(subject, reviewer);
        Assert.Equal("published", (await Workspace.JsonAsync(0, "publish", "--env", "staging")).Outcome());
    }

    /// <summary>Publishes HEAD, where that has to be, and brings it to staging.</summary>
    internal async Task<JsonObject> StageAsync(params string[] arguments)
    {
        await Workspace.JsonAsync(0, "publish", "--env", "staging");
        return (await Workspace.DeployAsync(["--env", "staging", .. arguments])).Valid();
    }

    /// <summary>Does something while production asks for more, or the file says something else.</summary>
    /// <param name="guardrails">In place of the shop's, beside `from: staging`; empty: the shop's own.</param>
    internal async Task UnderAsync(string guardrails, Func<Task> act, params (string Old, string With)[] edits)
    {
        var before = Workspace.Read("laptime.yaml");
        try
        {
            foreach (var (old, with) in edits.Append((Policy, guardrails.Length == 0 ? Policy : $"guardrails: {{ from: staging, {guardrails} }}")))
            {
                Workspace.Edit("laptime.yaml", old, with);
            }

            await act();
        }
        finally
        {
            Workspace.Write("laptime.yaml", before);
        }
    }

    /// <summary>A promotion under this policy, refused by this guardrail and by no other, with its reason, its evidence and its cure; nothing was done.</summary>
    internal async Task<JsonNode> RefusedAsync(string guardrail, string policy, string words, string cure, bool evidence = true, string[]? arguments = null, params (string Old, string With)[] edits)
    {
        JsonNode verdict = new JsonObject();
        await UnderAsync(policy, async () =>
        {
            var refused = (await Workspace.JsonAsync(21, ["promote", "--to", "production", .. arguments ?? []])).Valid();
            Assert.Equal(("guardrail-refused", 0), (refused.Outcome(), refused.Count("deploys")));
            verdict = Assert.Single(refused["guardrails"]!.AsArray(), g => (string?)g!["status"] == "refused")!;
            Assert.Equal(guardrail, (string?)verdict["name"]);
            Assert.Contains(words, (string?)verdict["what"], StringComparison.Ordinal);
            Assert.Contains(cure, (string?)verdict["mend"], StringComparison.Ordinal);
            Assert.Equal(evidence, verdict["evidence"]!.AsArray().Count > 0);
            Assert.Contains($"{guardrail}: ", refused.FailureMessage(), StringComparison.Ordinal);
        }, edits);
        return verdict;
    }

    /// <summary>What a guardrail says to a dry run under this policy, where nothing refuses.</summary>
    internal async Task<JsonNode> AllowedAsync(string guardrail, string policy, params (string Old, string With)[] edits)
    {
        JsonNode verdict = new JsonObject();
        await UnderAsync(policy, async () => verdict = Guardrail(await Workspace.JsonAsync(0, "promote", "--to", "production", "--dry-run"), guardrail), edits);
        return verdict;
    }

    internal static JsonNode Guardrail(JsonObject document, string name) => document["guardrails"]!.AsArray().First(g => (string?)g!["name"] == name)!;

    /// <summary>The verification summary of a component, as it is signed.</summary>
    internal JsonNode Summary(JsonObject promotion, string component) =>
        JsonNode.Parse(Convert.FromBase64String((string)JsonNode.Parse(Workspace.Read($".laptime/reports/{promotion.Text("id")}.{component}.vsa.json"))!["dsseEnvelope"]!["payload"]!))!;
}
