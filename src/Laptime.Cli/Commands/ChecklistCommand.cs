using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Laptime.Cli.Rendering;
using Laptime.Guardrails;
using Laptime.Measurement;

namespace Laptime.Cli.Commands;

/// <summary>`lap checklist`: the ten items, from recorded evidence.</summary>
internal static class ChecklistCommand
{
    private const int Searched = 1000;

    public static System.CommandLine.Command Make() => Verb.Make(
        "checklist", "The ten items of a trustworthy deploy loop, each met, not met or without evidence, with where the evidence is.", [],
        session =>
        {
            var scope = session.Scope;
            using var journal = session.OpenJournalForReading();
            var all = (journal?.List(null, Searched) ?? []).Where(t => t.MeasuredFor is null).ToList();
            var items = Checklist.Of(new ChecklistFacts(
                session.Workspace, scope.Environment, [.. all.Where(t => t.Environment == scope.Environment.Name)], [.. all.Where(t => t.Environment != scope.Environment.Name)],
                journal is null ? [] : new BaselineStore(journal).All(), journal is null ? [] : new ExperimentStore(journal).All()));
            Console.Out.Write(session.Json
                ? JsonSerializer.Serialize(
                    new ChecklistDocument("laptime/checklist/v1", scope.Workspace.Name, scope.Environment.Name, [.. items.Select(i => new ChecklistEntry($"{i.Id}", i.Text, ChecklistView.Word(i.Status), i.What, i.Evidence))]),
                    ChecklistJson.Readable.ChecklistDocument) + "\n"
                : ChecklistView.Render(scope.Environment.Name, items, session.Terminal));
            return Task.FromResult(0);
        },
        "lap checklist --env production", "lap checklist -o json");
}

internal sealed record ChecklistDocument(string Schema, string Workspace, string Environment, IReadOnlyList<ChecklistEntry> Items);

/// <param name="Status">met, not-met, no-evidence.</param>
internal sealed record ChecklistEntry(string Id, string Text, string Status, string What, IReadOnlyList<string> Evidence);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ChecklistDocument))]
internal sealed partial class ChecklistJson : JsonSerializerContext
{
    public static ChecklistJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
