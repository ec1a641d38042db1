using Laptime.Processes;
using Laptime.Workspaces;

namespace Laptime.Building;

/// <summary>A step's command with every ${name} resolved. <see cref="Text"/> is for people, without secrets.</summary>
internal sealed record ResolvedCommand(Command Command, string Text, IReadOnlyDictionary<string, string?> Env)
{
    public static ResolvedCommand Of(BuildRequest request, Step step, string directory, string logFile)
    {
        var secrets = new HashSet<string>(request.Secrets, StringComparer.Ordinal);
        var env = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (name, folder) in request.UsedArtifacts)
        {
            env[VariableOf(name)] = folder;
        }

        foreach (var (name, template) in step.Env)
        {
            env[name] = Resolve(template);
        }

        string[] parts = step.Run switch
        {
            CommandLine.Shell shell => [Resolve(shell.Text)],
            CommandLine.Exec exec => [.. exec.Arguments.Select(Resolve)],
            _ => throw new System.Diagnostics.UnreachableException(),
        };
        var command = (step.Run is CommandLine.Shell
            ? Command.Shell(parts[0], directory)
            : new Command { Program = parts[0], Arguments = parts[1..], Directory = directory }) with
        {
            Environment = env,
            Secrets = [.. secrets],
            Deadline = step.Timeout,
            LogFile = logFile,
        };
        return new ResolvedCommand(command, Redactor.Text(string.Join(' ', parts), Redactor.Needles(command.Secrets)), env);

        string Resolve(Template template)
        {
            foreach (var name in template.Names.Where(n => n.StartsWith("env.", StringComparison.Ordinal)))
            {
                if (request.Values(name) is { Length: > 0 } secret)
                {
                    secrets.Add(secret);
                }
            }

            return template.Resolve(request.Values);
        }
    }

    /// <summary><c>catalog-client</c> is <c>LAPTIME_ARTIFACT_CATALOG_CLIENT</c>.</summary>
    public static string VariableOf(string component) =>
        "LAPTIME_ARTIFACT_" + string.Concat(component.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToUpperInvariant(c) : '_'));
}
