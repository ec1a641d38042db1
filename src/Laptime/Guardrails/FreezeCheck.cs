using System.Globalization;
using Laptime.Workspaces;

namespace Laptime.Guardrails;

/// <summary>Whether a freeze window is open. Pure.</summary>
public static class FreezeCheck
{
    public static Guardrail Of(IReadOnlyList<FreezeWindow> windows, DateTimeOffset now)
    {
        if (windows.Count == 0)
        {
            return Guardrail.NotAsked(GuardrailName.Freeze, "no freeze window is declared");
        }

        var open = windows.Select(w => (Window: w, Until: w.OpenUntil(now))).Where(w => w.Until is not null).OrderByDescending(w => w.Until).ToList();
        return open.Count == 0
            ? Guardrail.Pass(GuardrailName.Freeze, $"none of {windows.Count} freeze {(windows.Count == 1 ? "window" : "windows")} is open", [.. windows.Select(w => w.Name)])
            : Guardrail.Refuse(
                GuardrailName.Freeze, $"frozen by {open[0].Window.Name} until {Text(open[0].Until!.Value)} {open[0].Window.Zone.Id}", "wait until then",
                [.. open.Select(o => $"{o.Window.Name}: until {Text(o.Until!.Value)} {o.Window.Zone.Id}")]);
    }

    private static string Text(DateTime local) => local.ToString("ddd yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);
}
