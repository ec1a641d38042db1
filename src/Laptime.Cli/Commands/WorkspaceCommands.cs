using System.CommandLine;
using System.Text.Json;
using Laptime.Artifacts.Provenance;
using Laptime.Cli.Rendering;
using Laptime.Foundations;
using Laptime.Gates;
using Laptime.Recipes.Reading;
using Laptime.Workspaces;
using Laptime.Workspaces.Init;

namespace Laptime.Cli.Commands;

/// <summary>The file itself: init, validate, schema.</summary>
internal static class WorkspaceCommands
{
    private static readonly Option<bool> Overwrite = Flag.Switch("--overwrite", "Replace a laptime.yaml that is there");
    private static readonly Option<bool> DryRun = Flag.Switch("--dry-run", "Print the file instead of writing it");

    private static readonly Argument<string> Of = new("OF") { Description = "laptime, gates or recipe", DefaultValueFactory = static _ => "laptime", CompletionSources = { "laptime", "gates", "recipe" } };

    public static Command Init() => Verb.Make(
        "init", "Look at what is here and write a first laptime.yaml, with every guess explained in it.", [Overwrite, DryRun],
        session =>
        {
            var root = Session.Here();
            if (session.Arguments.GetValue(DryRun))
            {
                Console.Out.Write(WorkspaceInit.Detect(root, session.IsSwarmManager).Text);
                return Task.FromResult(0);
            }

            var proposal = WorkspaceInit.Write(root, session.Arguments.GetValue(Overwrite), session.IsSwarmManager);
            foreach (var finding in proposal.Findings)
            {
                Console.Out.WriteLine($"  {finding.Path}: {finding.Meaning}");
            }

            Console.Out.WriteLine($"\nwrote laptime.yaml{(proposal.Findings.Count == 0 ? " (nothing was recognised here: it is a template)" : "")}\nnext: read its comments, then `lap plan` and `lap deploy`");
            return Task.FromResult(0);
        },
        "lap init", "lap init --dry-run");

    public static Command Validate() => Verb.Make(
        "validate", "Check laptime.yaml: every mistake with its line and the nearest valid name.", [],
        session =>
        {
            var workspace = session.Workspace;
            // Also what only shows when an environment is used: variables that are not set, profiles without a value.
            Planning.TargetFit.Require(session.Scope.Workspace, session.Scope.Environment, null);
            if (TrustPolicy.Check(workspace) is { Count: > 0 } problems)
            {
                throw new LapException(problems);
            }

            if (session.Json)
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(
                    new ValidDocument("laptime/validate/v1", "ok", 0, workspace.File, workspace.Name, [.. workspace.Components.Select(c => c.Name)], [.. workspace.Environments.Select(e => e.Name)]),
                    CliJson.Readable.ValidDocument));
            }
            else
            {
                Console.Out.WriteLine(
                    $"{Path.GetRelativePath(Directory.GetCurrentDirectory(), workspace.File)} is valid: {workspace.Name}, components {string.Join(", ", workspace.Components.Select(c => c.Name))}; environments {string.Join(", ", workspace.Environments.Select(e => e.Name))}");
            }

            return Task.FromResult(0);
        },
        "lap validate", "lap validate -f other/laptime.yaml");

    public static Command Schema() => Verb.Make(
        "schema", "The JSON Schema of laptime.yaml, of gates.yaml or of recipe.yaml, for editors.", [Of],
        session =>
        {
            Console.Out.WriteLine(session.Arguments.GetValue(Of) switch
            {
                "laptime" => WorkspaceSchema.Json(),
                "gates" => WorkspaceSchema.Json(GateFile.FileName, GateKeys.Root, GateKeys.All),
                "recipe" => WorkspaceSchema.Json(RecipeFile.FileName, RecipeKeys.Root, RecipeKeys.All),
                var other => throw new LapException($"there is no schema of {other}", null, NearestName.Suggest(other!, ["laptime", "gates", "recipe"])),
            });
            return Task.FromResult(0);
        },
        "lap schema > laptime.schema.json", "lap schema gates > gates.schema.json");
}
