using System.ComponentModel;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Targets;

/// <summary>Programs whose output is handed on and whose exit code is somebody else's to judge.</summary>
internal static class PassedProgram
{
    private const int LongestLine = 1 << 20;

    /// <summary>Runs it to its end, without a bound; output is not redacted: it is not lap's.</summary>
    /// <returns>Its exit code; 127 where there is no such program, as shells say it.</returns>
    public static async Task<int> PassAsync(this ProcessRunner runner, Command command, Action<ExecLine> said, CancellationToken cancel)
    {
        try
        {
            return (await runner.RunAsync(
                command with { Deadline = null, LineCharacters = LongestLine, FailsAs = Outcome.RolloutFailed }, line => said(new ExecLine(line.Text, line.IsError)), cancel)).ExitCode;
        }
        catch (FaultException e) when (e.InnerException is Win32Exception)
        {
            said(new ExecLine(e.Fault.What, true));
            return 127;
        }
    }
}
