# Installs gridmap from the files beside this script, with no network and no index.
param([string]$Target = (Join-Path $PSScriptRoot "gridmap-env"))
$ErrorActionPreference = "Stop"
py -3.11 -m venv $Target
if ($LASTEXITCODE -ne 0) { Write-Error "Install Python 3.11 first."; exit 2 }
& "$Target\Scripts\python.exe" -m pip install --quiet --no-index --find-links $PSScriptRoot (Get-Item "$PSScriptRoot\gridmap-*.whl").FullName
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
Write-Host "gridmap is installed. Start it with: $Target\Scripts\gridmap app"
