using System.Globalization;
using Laptime.Foundations;

namespace Laptime.Workspaces;

/// <summary>
/// Ports of one run, over those of the environment: the variable LAP_PORTS, <c>web=40001,db=40002</c>. For whoever runs a workspace beside itself (a recipe's test and its dependency): the
/// file need not be changed for it.
/// </summary>
public static class RunPorts
{
    public const string Variable = "LAP_PORTS";

    /// <summary>The workspace with these ports in each of its environments; the same one when the variable is not set.</summary>
    /// <exception cref="LapException">It says something else, or names no component that runs.</exception>
    public static Workspace Over(Workspace workspace, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return workspace;
        }

        var ports = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.Split('=', 2) is not [var name, var number] || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
            {
                throw new LapException($"`{part}` is no port of a component", Variable, "write component=port, with commas between: web=40001,db=40002");
            }

            if (workspace.Find(name)?.Run is null)
            {
                throw new LapException($"there is no component {name} that runs", Variable, NearestName.Suggest(name, [.. workspace.Components.Where(c => c.Run is not null).Select(c => c.Name)]));
            }

            ports[name] = port;
        }

        return workspace with
        {
            Environments = [.. workspace.Environments.Select(e => e with { Ports = new Dictionary<string, int>(e.Ports.Where(p => !ports.ContainsKey(p.Key)).Concat(ports), StringComparer.Ordinal) })],
        };
    }
}
