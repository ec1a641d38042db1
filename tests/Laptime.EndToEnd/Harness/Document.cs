using System.Text.Json.Nodes;
using Laptime.Tests.Workspaces;

namespace Laptime.EndToEnd.Harness;

/// <summary>Reading transaction documents in tests.</summary>
internal static class Document
{
    private static readonly SmallJsonSchema Schema = new(JsonNode.Parse(File.ReadAllText(Path.Combine(Lap.Root, "docs", "schema", "transaction.v1.json")))!);

    /// <summary>Fails unless it is as docs/schema/transaction.v1.json says, and its times add up.</summary>
    public static JsonObject Valid(this JsonObject document)
    {
        var refusal = Schema.Refusal(document);
        Assert.True(refusal is null, $"{refusal}\n{document["components"]!.ToJsonString()}");
        if (document["interval"]?["seconds"] is { } seconds)
        {
            var onPath = document["segments"]!.AsArray().Where(s => (bool)s!["criticalPath"]!).Sum(s => (double)s!["seconds"]!);
            var rest = (double)document["interval"]!["unattributedSeconds"]!;
            Assert.True(Math.Abs(onPath + rest - (double)seconds) < 0.001, $"{onPath} + {rest} is not {seconds}\n{document["segments"]!.ToJsonString()}");
            Assert.True(rest > -0.001, $"unattributed {rest}\n{document["segments"]!.ToJsonString()}");
        }

        return document;
    }

    public static string Outcome(this JsonObject document) => (string)document["outcome"]!;

    public static JsonObject Component(this JsonObject document, string name) =>
        document["components"]!.AsArray().Select(c => c!.AsObject()).Single(c => (string?)c["name"] == name);

    /// <summary>`action cause`, such as "skip unchanged".</summary>
    public static string What(this JsonObject document, string name) => $"{document.Component(name)["action"]} {document.Component(name)["cause"]}";

    public static IReadOnlyList<string> Detail(this JsonObject document, string name) => Texts(document.Component(name)["detail"]);

    public static string Text(this JsonObject node, string name) => (string?)node[name] ?? throw new InvalidOperationException($"no {name} in {node}");

    public static int Count(this JsonObject document, string counter) => (int)document["counters"]![counter]!;

    public static IReadOnlyList<string> Texts(JsonNode? array) => [.. array!.AsArray().Select(t => (string)t!)];

    public static string Signal(this JsonObject document, string component, string signal) => (string)document.Component(component)["signals"]![signal]!["status"]!;

    public static string FailureMessage(this JsonObject document) => (string)document["failure"]!["message"]!;

    /// <summary>Components that were built, by name.</summary>
    public static IReadOnlyList<string> Built(this JsonObject document) =>
        [.. document["components"]!.AsArray().Where(c => (string?)c!["artifactSource"] == "built").Select(c => (string)c!["name"]!).Order(StringComparer.Ordinal)];

    /// <summary>Fails unless nothing was built, nothing rolled out, and the target was read for every component that runs.</summary>
    public static JsonObject IsUnchanged(this JsonObject document)
    {
        Assert.Equal("unchanged", document.Valid().Outcome());
        Assert.Equal((0, 0, 0), (document.Count("built"), document.Count("rollouts"), document.Count("deploys")));
        Assert.Equal(document["components"]!.AsArray().Count, document.Count("skipped"));
        Assert.All(document["components"]!.AsArray(), c =>
        {
            Assert.Equal("skip", (string?)c!["action"]);
            Assert.True(c["deploymentKey"] is null || c["reading"]!["revision"] is not null, $"no reading: {c}");
        });
        return document;
    }
}
