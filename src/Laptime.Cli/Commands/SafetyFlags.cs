using System.CommandLine;

namespace Laptime.Cli.Commands;

/// <summary>Flags of everything that guardrails are asked about.</summary>
internal static class SafetyFlags
{
    public static readonly Option<string[]> Override = Flag.Many("--override", "Open this guardrail, where guardrails.override allows it (again for another one); needs --reason", "NAME",
        [.. Enum.GetNames<Workspaces.GuardrailName>().Select(static n => n.ToLowerInvariant())]);

    public static readonly Option<string?> Reason = Flag.Text("--reason", "Why it is opened: it goes into the audit log", "TEXT");
}
