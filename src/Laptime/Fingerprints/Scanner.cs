using Laptime.Foundations;
using Laptime.Workspaces;

namespace Laptime.Fingerprints;

internal sealed class Scanner(Workspace workspace, ScanOptions options, CancellationToken cancel)
{
    public WorkspaceScan Run() => throw new FaultException(new Fault(Outcome.InternalError, $"not yet {workspace} {options} {cancel}"));
}
