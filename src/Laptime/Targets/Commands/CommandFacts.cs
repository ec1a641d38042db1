using System.Globalization;
using System.Text;
using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Targets.Commands;

/// <summary>What a command is told, as environment variables; the same names for every command.</summary>
internal static class CommandFacts
{
    /// <summary>Of one rollout.</summary>
    /// <param name="folder">Where the artifact was unpacked; null for an image, which is not a folder.</param>
    /// <param name="envFile">A file with the instance's environment.</param>
    /// <param name="before">What ran before; null: nothing did.</param>
    public static Dictionary<string, string?> Of(RolloutRequest request, string? folder, string? envFile, CommandReading? before)
    {
        var facts = Of(request.Component.Name, request.Environment, request.Fence);
        facts["LAPTIME_REVISION"] = request.Revision;
        facts["LAPTIME_ARTIFACT"] = request.Artifact.ToString();
        facts["LAPTIME_ARTIFACT_FOLDER"] = folder;
        facts["LAPTIME_DEPLOYMENT_KEY"] = request.DeploymentKey.ToString();
        facts["LAPTIME_FINGERPRINT"] = request.Fingerprint.ToString();
        facts["LAPTIME_TRANSACTION"] = request.Transaction;
        facts["LAPTIME_RECONCILE"] = request.ReconciledFor.Count == 0 ? null : string.Join(' ', request.ReconciledFor);
        facts["LAPTIME_LOADED"] = LoadedText.Format(request.Loads);
        facts["LAPTIME_ENV_FILE"] = envFile;
        facts["LAPTIME_PREVIOUS_REVISION"] = before?.Revision;
        facts["LAPTIME_PREVIOUS_ARTIFACT"] = before?.Artifact;
        if (request.Component.Run is { } run)
        {
            facts["LAPTIME_PORT"] = run.Port?.ToString(CultureInfo.InvariantCulture);
            facts["LAPTIME_REPLICAS"] = run.Replicas.ToString(CultureInfo.InvariantCulture);
            facts["LAPTIME_COMMAND"] = Line(run.Command, NamesOf(request, run));
        }

        return facts;
    }

    /// <summary>What every command about one component is told.</summary>
    public static Dictionary<string, string?> Of(string component, string environment, long? fence) => new()
    {
        ["LAPTIME_COMPONENT"] = component,
        ["LAPTIME_ENVIRONMENT"] = environment,
        ["LAPTIME_FENCE"] = fence?.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>
    /// The instance's environment: `run.env`, PORT, and what says its revision. Single-quoted, one variable after the other: a shell can source it and systemd
    /// reads it as an EnvironmentFile.
    /// </summary>
    public static string EnvFile(RolloutRequest request)
    {
        var text = new StringBuilder();
        void Add(string name, string value) => text.Append(name).Append('=').Append(Quoted(value)).Append('\n');
        if (request.Component.Run is { } run)
        {
            var names = NamesOf(request, run);
            if (run.Port is { } port)
            {
                Add("PORT", port.ToString(CultureInfo.InvariantCulture));
            }

            foreach (var (name, value) in run.Env.OrderBy(v => v.Key, StringComparer.Ordinal))
            {
                Add(name, value.Resolve(names));
            }
        }

        Add("LAPTIME_COMPONENT", request.Component.Name);
        Add("LAPTIME_ENVIRONMENT", request.Environment);
        Add("LAPTIME_REVISION", request.Revision);
        Add("LAPTIME_TRANSACTION", request.Transaction);
        return text.ToString();
    }

    /// <summary>Words as one line for a POSIX shell.</summary>
    public static string Words(IEnumerable<string> words) => string.Join(' ', words.Select(Quoted));

    /// <summary>As one line for a POSIX shell; null for an image's own command.</summary>
    private static string? Line(CommandLine command, Func<string, string?> names) => command switch
    {
        CommandLine.Shell shell => shell.Text.Resolve(names),
        CommandLine.Exec { Arguments.Count: > 0 } exec => string.Join(' ', exec.Arguments.Select(a => Quoted(a.Resolve(names)))),
        _ => null,
    };

    private static Func<string, string?> NamesOf(RolloutRequest request, RunSettings run) =>
        name => name == "port" ? run.Port?.ToString(CultureInfo.InvariantCulture) : request.Names(name);

    private static string Quoted(string text) => "'" + text.Replace("'", "'\\''") + "'";
}
